using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace MoA.Cli.Output;

/// <summary>The usual help text, and after it the examples of the command.</summary>
internal sealed class HelpWithExamples : SynchronousCommandLineAction
{
    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parseResult)
    {
        int exitCode = new HelpAction().Invoke(parseResult);
        if (parseResult.CommandResult.Command is CliCommand { Examples: { Count: > 0 } examples })
        {
            TextWriter output = parseResult.InvocationConfiguration.Output;
            output.WriteLine("Examples:");
            foreach (string example in examples)
                output.WriteLine($"  {example}");
            output.WriteLine();
        }

        return exitCode;
    }
}
