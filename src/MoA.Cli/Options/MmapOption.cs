using System.CommandLine;
using System.Globalization;
using MoA.Cli.Output;
using MoA.Engine;
using MoA.Engine.Generation;
using MoA.Engine.Models;

namespace MoA.Cli.Options;

/// <summary><c>--mmap</c>: where the processor reads the weights from.</summary>
internal static class MmapOption
{
    private const string Auto = "auto", On = "on", Off = "off";

    public static Option<string?> Option { get; } = new("--mmap")
    {
        Description = "Weights on the processor: off copies them into memory once, laid out for products; on reads them where the file is mapped, which " +
            "takes no memory and is several times slower to decode; auto copies if they fit and a sixteenth of what is available is left (default: auto)",
        HelpName = $"{Auto}|{On}|{Off}",
        CompletionSources = { Auto, On, Off },
    };

    /// <summary>What is asked for.</summary>
    /// <exception cref="InvalidInputException">Something that there is not, or on a device.</exception>
    public static WeightResidency Read(CommandContext context, bool onDevice)
    {
        string text = context.Get(Option) ?? Auto;
        WeightResidency residency = text switch
        {
            Auto => WeightResidency.Auto,
            On => WeightResidency.Mapped,
            Off => WeightResidency.Copied,
            _ => throw new InvalidInputException($"--mmap {text}: expected {Auto}, {On} or {Off}"),
        };
        return residency == WeightResidency.Auto || !onDevice
            ? residency
            : throw new InvalidInputException($"--mmap {text}: belongs to --device cpu; a device always has the weights in its own memory");
    }

    /// <summary>Refuses to copy weights for a command that reads them as they are stored, whatever is asked for.</summary>
    /// <exception cref="InvalidInputException">Copies are asked for.</exception>
    public static void RefuseCopy(CommandContext context)
    {
        if (context.Get(Option) == Off)
            throw new InvalidInputException($"--mmap {Off}: gradients are taken from the weights as they are stored, where they are mapped; leave it out");
    }

    /// <summary>What <c>--mmap auto</c> does on this machine now.</summary>
    /// <param name="room">What a copy takes, without caches.</param>
    public static string Describe(WeightRoom room) => room.IsAmple
        ? string.Create(CultureInfo.InvariantCulture,
            $"a run copies {room.CopyBytes / 1048576.0:N1} MiB of weights if caches take {room.SpareBytes / 1048576.0:N1} MiB at most")
        : $"a run leaves weights mapped: {room}";

    /// <summary>Copies the weights or leaves them mapped, as is asked for or as there is room.</summary>
    /// <param name="context">The command.</param>
    /// <param name="model">The model, loaded with its weights mapped.</param>
    /// <param name="bytesBeside">Bytes of caches, and of whatever else will be held beside the model.</param>
    public static void Apply(CommandContext context, LanguageModel model, long bytesBeside)
    {
        WeightResidency residency = Read(context, onDevice: model.Transformer.Backend.Gauge is not null);
        WeightRoom room = model.PlaceWeights(residency, bytesBeside, context.Cancellation);
        if (residency == WeightResidency.Auto && !model.Transformer.HasCopiedWeights)
            context.Note($"moa: the weights stay mapped, which is several times slower to decode: {room} (--mmap)");
    }
}
