using System.Security.Cryptography;
using System.Text;

namespace MoA.Search.Units;

/// <summary>
/// A piece of a search that any machine with the model can compute. The payload holds everything that the result depends on besides
/// the model, so units of the same <see cref="Id"/> have the same result.
/// </summary>
internal sealed class WorkUnit
{
    /// <summary>A unit.</summary>
    /// <param name="kind">Which <see cref="IUnitHandler"/> computes it.</param>
    /// <param name="payload">What it is about, as the handler reads it. Not to be written to.</param>
    /// <param name="title">What it is, for messages.</param>
    public WorkUnit(string kind, byte[] payload, string title)
    {
        ArgumentException.ThrowIfNullOrEmpty(kind);
        ArgumentNullException.ThrowIfNull(payload);
        Kind = kind;
        Payload = payload;
        Title = title;
        Id = IdOf(kind, payload);
    }

    /// <summary>Which handler computes it.</summary>
    public string Kind { get; }

    /// <summary>What it is about.</summary>
    public byte[] Payload { get; }

    /// <summary>What it is, for messages.</summary>
    public string Title { get; }

    /// <summary>The kind, and a hash over kind and payload.</summary>
    public string Id { get; }

    /// <summary>The <see cref="Id"/> of a kind and a payload.</summary>
    public static string IdOf(string kind, ReadOnlySpan<byte> payload)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes($"{kind}\n"));
        hash.AppendData(payload);
        return $"{kind}/{Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 16))}";
    }
}
