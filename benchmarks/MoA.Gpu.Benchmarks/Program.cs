using MoA.Engine;
using MoA.Gpu;
using MoA.Gpu.Benchmarks;
using MoA.Gpu.Benchmarks.Report;

try
{
    CardOptions options = CardOptions.Parse(args);
    if (options.TableOnly)
    {
        ResultTable.Write(options.Out);
        return 0;
    }

    ResultLog log = new(options.Out, options.Device);
    GpuBackend backend;
    try
    {
        backend = GpuBackend.Open(options.Device);
    }
    catch (InvalidInputException failure)
    {
        log.Skip("everything", failure.Message);
        throw;
    }

    using (backend)
        return new CardRun(options, backend, log).Run() ? 0 : 1;
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
