namespace MoA.Engine.Tokenization;

/// <summary>Who speaks in a conversation. Beside those named here a chat template may know others.</summary>
public readonly struct ChatRole : IEquatable<ChatRole>
{
    private readonly string? _name;

    /// <summary>A role by its name in chat templates.</summary>
    /// <param name="name">The name, as <c>developer</c>.</param>
    /// <exception cref="ArgumentException">The name is empty.</exception>
    public ChatRole(string name)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        _name = name;
    }

    /// <summary>Says what holds for the whole conversation.</summary>
    public static ChatRole System { get; } = new("system");

    /// <summary>Asks.</summary>
    public static ChatRole User { get; } = new("user");

    /// <summary>The model.</summary>
    public static ChatRole Assistant { get; } = new("assistant");

    /// <summary>Answers a call of the assistant's.</summary>
    public static ChatRole Tool { get; } = new("tool");

    /// <summary>The name in chat templates.</summary>
    public string Name => _name ?? "user";

    /// <summary>Whether two roles are the same.</summary>
    public static bool operator ==(ChatRole left, ChatRole right) => left.Equals(right);

    /// <summary>Whether two roles differ.</summary>
    public static bool operator !=(ChatRole left, ChatRole right) => !left.Equals(right);

    /// <inheritdoc/>
    public bool Equals(ChatRole other) => Name == other.Name;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is ChatRole other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => StringComparer.Ordinal.GetHashCode(Name);

    /// <inheritdoc/>
    public override string ToString() => Name;
}
