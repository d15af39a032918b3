using MoA.Engine;
using MoA.Gpu.Benchmarks;
using MoA.Gpu.Benchmarks.Report;

try
{
    CardOptions options = CardOptions.Parse(args);
    if (options.Part is string part)
        return new CardRun(options, part).Run() ? 0 : 1;
    Results.Join(options.Out);
    return 0;
}
catch (InvalidInputException failure)
{
    Console.Error.WriteLine($"moa-card: {failure.Message}");
    return 2;
}
catch (IOException failure)
{
    Console.Error.WriteLine($"moa-card: {failure.Message.ReplaceLineEndings(" ")}");
    return 1;
}
