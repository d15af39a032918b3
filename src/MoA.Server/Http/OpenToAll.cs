namespace MoA.Server.Http;

/// <summary>Marks routes that ask for no key.</summary>
internal sealed class OpenToAll
{
    public static OpenToAll Instance { get; } = new();
}
