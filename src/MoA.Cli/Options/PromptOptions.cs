using System.CommandLine;
using MoA.Cli.Output;
using MoA.Engine;
using MoA.Evaluation.Prompts;

namespace MoA.Cli.Options;

/// <summary>Options of commands that make prompts.</summary>
internal static class PromptOptions
{
    public static Option<string?> System { get; } = new("--system")
    {
        Description = "Message that tells the model how to behave",
        HelpName = "TEXT",
    };

    public static Option<string> Template { get; } = new("--template")
    {
        Description = "on: the prompt is a user's message, written with the model's chat template; off: it is continued as it " +
            "stands; auto: on if the model has a template and the prompt holds none of its special tokens",
        HelpName = "on|off|auto",
        CompletionSources = { "on", "off", "auto" },
        DefaultValueFactory = _ => "auto",
    };

    public static PromptTemplate ReadTemplate(CommandContext context) => context.Get(Template) switch
    {
        "on" => PromptTemplate.On,
        "off" => PromptTemplate.Off,
        "auto" => PromptTemplate.Auto,
        string other => throw new InvalidInputException($"--template {other}: expected on, off or auto"),
        null => PromptTemplate.Auto,
    };
}
