using MoA.Engine;
using MoA.Engine.Files;
using MoA.Engine.Generation;
using MoA.Engine.Tokenization;
using MoA.Search.Calibration;

namespace MoA.Cli.Chat;

/// <summary>The commands that a person gives within a conversation.</summary>
/// <param name="session">The conversation.</param>
/// <param name="say">Tells the person something that was asked for.</param>
internal sealed class ChatCommands(ChatSession session, Action<string> say)
{
    private static readonly (string Name, string Help)[] All =
    [
        ("exit", "ends the conversation, as the end of input (Ctrl-D) does"),
        ("clear", "forgets the conversation, except for the system's message"),
        ("system [TEXT]", "sets the message that tells the model how to behave; \"\" removes it, without TEXT it is shown"),
        ("file PATH", "sends a file's text as a turn"),
        ("save PATH", "writes the conversation to a .jsonl file"),
        ("load PATH", "goes on with the conversation of such a file"),
        ("help", "shows this"),
    ];

    /// <summary>The names, for help texts.</summary>
    public static string Names => string.Join(' ', All.Select(command => $"/{command.Name.Split(' ')[0]}"));

    /// <summary>Whether the conversation is to end.</summary>
    public bool Ended { get; private set; }

    /// <summary>Does what a command says.</summary>
    /// <returns>The message that it sends, if any.</returns>
    /// <exception cref="InvalidInputException">There is no such command, or it cannot be done; the conversation stands as before.</exception>
    public string? Run(string command, string argument, bool isBlock)
    {
        switch (command)
        {
            case "exit":
                Ended = true;
                return null;
            case "clear":
                session.Restart(Instructions);
                return null;
            case "system":
                SetSystem(argument, isBlock);
                return null;
            case "file":
                return InputFile.ReadText(RequirePath(command, argument), "give /file a text file");
            case "save":
                Save(RequirePath(command, argument));
                return null;
            case "load":
                Load(RequirePath(command, argument));
                return null;
            case "help":
                foreach ((string name, string help) in All)
                    say($"  /{name,-14} {help}");
                say("A line that ends with \\ goes on with the next; \"\"\" begins a text that ends with \"\"\".");
                say("Ctrl-C stops an answer and keeps what was written of it; at the prompt it ends the program.");
                return null;
            default:
                throw new InvalidInputException(
                    $"there is no command /{command}; expected one of {Names} (text that begins with / goes between \"\"\" and \"\"\")");
        }
    }

    private IEnumerable<ChatMessage> Instructions => session.Messages.TakeWhile(message => message.Role == ChatRole.System);

    private IEnumerable<ChatMessage> Turns => session.Messages.SkipWhile(message => message.Role == ChatRole.System);

    private void SetSystem(string text, bool isBlock)
    {
        if (text.Length == 0 && !isBlock)
        {
            string shown = string.Join('\n', Instructions.Select(message => message.Content));
            say(shown.Length > 0 ? shown : "(there is no system's message)");
            return;
        }

        ChatMessage[] instructions = text is "" or "\"\"" ? [] : [new ChatMessage(ChatRole.System, text)];
        session.Restart([.. instructions, .. Turns]);
    }

    private void Save(string path)
    {
        if (session.Messages.Count == 0)
            throw new InvalidInputException("/save: there is nothing to save yet");
        try
        {
            ConversationFile.Write(path, [new MessagesItem([.. session.Messages])]);
        }
        catch (IOException failure)
        {
            throw new InvalidInputException($"/save {failure.Message}; choose another place", failure);
        }

        say($"{session.Messages.Count} messages are in {path}");
    }

    private void Load(string path)
    {
        CalibrationItem[] items = [.. ConversationFile.Read(path).Take(2)];
        if (items is not [MessagesItem conversation])
        {
            throw new InvalidInputException(items.Length > 1
                ? $"/load {path}: holds several conversations; expected one line"
                : $"/load {path}: holds no messages; expected {{\"messages\":[{{\"role\":…,\"content\":…}},…]}}");
        }

        session.Restart(conversation.Messages);
        say($"{conversation.Messages.Count} messages were loaded");
    }

    // No shell stands between to say what ~ is.
    private static string RequirePath(string command, string path)
    {
        if (path.Length == 0)
            throw new InvalidInputException($"/{command}: expected a path after it");
        string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        return path == "~" || path.StartsWith("~/", StringComparison.Ordinal) ? home + path[1..] : path;
    }
}
