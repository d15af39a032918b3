@echo off
rem Runs the command line on Windows, after building what is stale (quietly, Release), as moa does elsewhere.
setlocal
set "root=%~dp0"
set "folder=%root%src\MoA.Cli\bin\moa"
set "program=%folder%\moa.dll"
powershell -NoProfile -ExecutionPolicy Bypass -Command ^
  "$program = Get-Item -LiteralPath $env:program -ErrorAction SilentlyContinue;" ^
  "if (-not $program) { exit 1 };" ^
  "$sources = Get-ChildItem -Path (Join-Path $env:root 'src'), (Join-Path $env:root 'models'), (Join-Path $env:root 'Directory.*'), (Join-Path $env:root 'global.json') -Recurse -File;" ^
  "$newer = $sources | Where-Object { $_.LastWriteTimeUtc -gt $program.LastWriteTimeUtc -and $_.FullName.Substring($env:root.Length) -notmatch '[\\/](bin|obj)[\\/]' } | Select-Object -First 1;" ^
  "if ($newer) { exit 1 }"
if errorlevel 1 call :build || exit /b 1
dotnet "%program%" %*
exit /b %errorlevel%

:build
echo moa: building the program, once; this can take some minutes>&2
set "log=%TEMP%\moa-build-%RANDOM%.log"
call :publish --use-current-runtime --no-self-contained -p:PublishReadyToRun=true || call :publish
if errorlevel 1 (
  type "%log%" >&2
  del "%log%"
  echo moa: the build failed, see above>&2
  exit /b 1
)
del "%log%"
powershell -NoProfile -ExecutionPolicy Bypass -Command "(Get-Item -LiteralPath $env:program).LastWriteTimeUtc = [DateTime]::UtcNow"
exit /b 0

:publish
dotnet publish -c Release "%root%src\MoA.Cli" -o "%folder%" --nologo -v quiet %* >"%log%" 2>&1
exit /b %errorlevel%
