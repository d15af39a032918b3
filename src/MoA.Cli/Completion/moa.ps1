# Completes words of moa in PowerShell: asks the program what may stand at the cursor, and offers files where it knows nothing.
Register-ArgumentCompleter -Native -CommandName moa -ScriptBlock {
    param($word, $command, $cursor)
    $name = $command.CommandElements[0].Extent.Text
    $length = $cursor - $command.Extent.StartOffset
    $line = $command.ToString().PadRight($length).Substring(0, $length).Substring($name.Length).TrimStart()
    & $name "[suggest:$($line.Length)]" $line 2>$null |
        Where-Object { $_.StartsWith($word, [StringComparison]::OrdinalIgnoreCase) } |
        ForEach-Object { [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_) }
}
