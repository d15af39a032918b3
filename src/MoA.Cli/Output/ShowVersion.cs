using System.CommandLine;
using System.CommandLine.Invocation;

namespace MoA.Cli.Output;

/// <summary>Prints the version of this program, also where another one hosts it.</summary>
internal sealed class ShowVersion : SynchronousCommandLineAction
{
    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parseResult)
    {
        parseResult.InvocationConfiguration.Output.WriteLine(ToolVersion.Text);
        return 0;
    }
}
