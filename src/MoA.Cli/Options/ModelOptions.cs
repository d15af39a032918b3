using System.CommandLine;
using System.CommandLine.Completions;
using System.Runtime.CompilerServices;
using MoA.Cli.Output;
using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Attention.Policies;
using MoA.Engine.Configuration;
using MoA.Engine.Generation;
using MoA.Engine.Hub;
using MoA.Engine.Kernels;
using MoA.Engine.Models;
using MoA.Engine.Numerics;
using MoA.Engine.Tokenization;
using MoA.Evaluation.Policies;
using MoA.Gpu;

namespace MoA.Cli.Options;

/// <summary>The options of commands that run a model.</summary>
internal static class ModelOptions
{
    private const string Cpu = "cpu";

    public static Option<string?> Model { get; } = new("--model", "-m")
    {
        Description = "Model folder in Hugging Face layout, .gguf file, or org/name[@revision][:file.gguf] of the Hugging Face cache, which " +
            "'moa model pull' fills (default: the small model that comes with the program)",
        HelpName = "PATH|NAME",
    };

    public static Option<string?> Weights { get; } = new("--weights")
    {
        Description = $"Convert the matrices on loading: {GgufOutput.TypeNames} (default: as stored)",
        HelpName = "TYPE",
        CompletionSources = { _ => GgufOutput.TypeChoices },
    };

    public static Option<string?> Plan { get; } = new("--plan")
    {
        Description = "Plan file: run with its spans (default: dense attention)",
        HelpName = "FILE",
    };

    public static Option<string?> Policy { get; } = new("--policy")
    {
        Description = $"{PolicyHelp.WithoutSize} (with --plan), or {PolicyHelp.WithSize} with a size, as in h2o:density=0.5 (or :span=TOKENS), or " +
            $"{PolicyHelp.WithHeadScores} with head scores (docs/policies.md){PolicyHelp.Prefill}; --plan alone implies {PlanPolicy.CommandName}",
        HelpName = PolicyHelp.Form,
        CompletionSources = { _ => PolicyHelp.Completions() },
    };

    public static Option<string?> Kv { get; } = new("--kv")
    {
        Description = "Format of the KV caches: bf16, f32 or q8_0 (default: bf16)",
        HelpName = "TYPE",
        CompletionSources = { "bf16", "f32", "q8_0" },
    };

    public static Option<string?> ChatTemplate { get; } = new("--chat-template")
    {
        Description = $"Chat template in place of the model's own: {string.Join(", ", NamedChatTemplates.Names)}, or a file with its source (default: " +
            "the model's, else by its name)",
        HelpName = "NAME|FILE",
        CompletionSources = { _ => NamedChatTemplates.Names.Select(name => new CompletionItem(name)) },
    };

    public static Option<string?> Device { get; } = new("--device")
    {
        Description = "What runs the model: cpu, or cuda or cuda:N for an NVIDIA GPU ('moa devices' lists them; default: cpu)",
        HelpName = "DEVICE",
        CompletionSources = { "cpu", "cuda" },
    };

    /// <summary>The folder of the model that comes with the program.</summary>
    public static string EmbeddedModel => Path.Combine(AppContext.BaseDirectory, "models", "demo");

    /// <summary>Adds the options that choose a model and how it runs.</summary>
    public static void AddTo(Command command)
    {
        AddModelTo(command);
        command.Options.Add(Device);
        command.Options.Add(MmapOption.Option);
    }

    /// <summary>Adds the options that choose a model, for a command that does not run it.</summary>
    public static void AddModelTo(Command command)
    {
        command.Options.Add(Model);
        command.Options.Add(Weights);
        command.Options.Add(Kv);
        command.Options.Add(ChatTemplate);
    }

    /// <summary>Adds the options that choose which rows of the past stay.</summary>
    public static void AddPolicyTo(Command command)
    {
        command.Options.Add(Plan);
        command.Options.Add(Policy);
    }

    /// <summary>The path of the model that is asked for; a name from the hub is looked up in the cache.</summary>
    public static string ModelPath(CommandContext context) => context.Get(Model) is string model
        ? new HubCache(HubSettings.CacheFolderOfEnvironment()).Resolve(model)
        : EmbeddedModel;

    public static ComputeBackend CreateBackend(CommandContext context)
    {
        int threads = GlobalOptions.ReadThreads(context) ?? 0;
        string device = context.Get(Device) ?? Cpu;
        _ = MmapOption.Read(context, onDevice: device != Cpu);
        return device != Cpu ? OpenDevice(device, threads) : ComputeBackend.CreateCpu(threads);
    }

    /// <summary>Loads the model that the options name; <see cref="MmapOption.Apply"/> then says where the processor reads its weights from.</summary>
    public static LanguageModel Load(CommandContext context, ComputeBackend backend)
    {
        LanguageModel model = LanguageModel.Load(
            ModelPath(context), backend, weights: WeightType(context), chatTemplate: context.Get(ChatTemplate),
            residency: WeightResidency.Mapped, cancellation: context.Cancellation);
        if (model.ChatTemplate is { IsGuess: true } template)
            context.Note($"moa: {model.Name} has no chat template; taken: {template.Choice}, which its name calls for (--chat-template chooses another)");
        return model;
    }

    /// <summary>The format to convert the matrices to, or null to use them as stored.</summary>
    public static ElementType? WeightType(CommandContext context) => GgufOutput.ReadType(context.Get(Weights));

    public static ElementType CacheType(CommandContext context) => context.Get(Kv) switch
    {
        null or "bf16" => ElementType.BF16,
        "f32" => ElementType.F32,
        "q8_0" => ElementType.Q8_0,
        string other => throw new InvalidInputException($"--kv {other}: expected bf16, f32 or q8_0"),
    };

    // Not inlined: what runs on the processor loads nothing of devices.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static GpuBackend OpenDevice(string device, int threads) => GpuBackend.Open(device, threads);

    public static AttentionPolicy ReadPolicy(CommandContext context, ModelConfig config) =>
        PolicyReader.Read(context.Get(Policy), context.Get(Plan), config, HeadProfile.Read);
}
