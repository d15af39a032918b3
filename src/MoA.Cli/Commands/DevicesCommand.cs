using System.Globalization;
using MoA.Cli.Output;
using MoA.Engine.Kernels;
using MoA.Gpu.Device;
using Spectre.Console;

namespace MoA.Cli.Commands;

/// <summary><c>moa devices</c>: what a model can run on here.</summary>
internal sealed class DevicesCommand : CliCommand
{
    public DevicesCommand(Streams streams)
        : base("devices", "Lists what a model can run on here, by the names that --device takes.", streams)
    {
        Examples =
        [
            "moa devices",
            "moa devices --json",
            "moa generate 'Once upon a time' --device cuda:1",
        ];
    }

    protected override void Run(CommandContext context)
    {
        using ComputeBackend processor = ComputeBackend.CreateCpu();
        long memory = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        IReadOnlyList<GpuDevice> devices = GpuDevices.List();
        string? whyNone = GpuDevices.WhyNone;
        if (context.Json)
        {
            context.WriteJson(writer =>
            {
                writer.WriteStartObject("cpu");
                writer.WriteString("description", processor.Description);
                writer.WriteNumber("threads", processor.Threads);
                writer.WriteNumber("memoryBytes", memory);
                writer.WriteEndObject();
                writer.WriteObjects("gpus", devices, static (writer, device) =>
                {
                    writer.WriteString("id", device.Id);
                    writer.WriteString("name", device.Name);
                    writer.WriteNumber("memoryBytes", device.MemoryBytes);
                    writer.WriteString("computeCapability", device.ComputeCapability);
                    writer.WriteNumber("multiprocessors", device.Multiprocessors);
                    writer.WriteBoolean("usable", device.IsUsable);
                });
                writer.WriteString("whyNoGpu", whyNone);
            });
            return;
        }

        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(context.Output) });
        if (!console.Profile.Out.IsTerminal)
            console.Profile.Width = 160;
        Table table = new() { Border = TableBorder.Simple };
        foreach (string heading in new[] { "device", "name", "memory, GiB", "compute capability", "processors" })
            table.AddColumn(new TableColumn(heading) { NoWrap = true });
        Add("cpu", processor.Description, memory, "-", Environment.ProcessorCount);
        foreach (GpuDevice device in devices)
            Add(device.Id, device.Name, device.MemoryBytes, device.IsUsable ? device.ComputeCapability : $"{device.ComputeCapability}, 8.0 is needed", device.Multiprocessors);
        console.Write(table);
        if (whyNone is not null)
            context.Output.WriteLine($"no GPU: {whyNone}");

        void Add(string id, string name, long bytes, string capability, int processors) => table.AddRow(
            [.. new[]
            {
                id, name, (bytes / (double)(1 << 30)).ToString("F1", CultureInfo.InvariantCulture), capability,
                processors.ToString(CultureInfo.InvariantCulture),
            }.Select(Markup.Escape)]);
    }
}
