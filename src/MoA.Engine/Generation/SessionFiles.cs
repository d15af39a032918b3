using MoA.Engine.Attention;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;

namespace MoA.Engine.Generation;

/// <summary>
/// Saves what caches of conversations hold to files, and reads it again after a restart: for one model, one policy and one format of rows.
/// A file belongs to the very weights, configuration, tokenizer and template that it was written with, and to the spans that every head had. Files are whole or
/// not there, and only their owner may read them: they hold conversations (docs/formats.md). May be used from several threads.
/// </summary>
internal sealed class SessionFiles
{
    private readonly LanguageModel _model;
    private readonly SessionOwner _owner;

    /// <summary>Files of a model's caches.</summary>
    /// <param name="model">The model; stays the caller's.</param>
    /// <param name="policy">Which rows stay.</param>
    /// <param name="cacheType">Format of the rows.</param>
    /// <exception cref="InvalidInputException">Caches of this kind cannot be saved (<see cref="WhyNot"/>), or a file of the model cannot be read any
    /// more.</exception>
    public SessionFiles(LanguageModel model, AttentionPolicy policy, ElementType cacheType = ElementType.BF16)
    {
        if (WhyNot(model, policy) is string reason)
            throw new InvalidInputException($"conversations cannot be saved: {reason}");
        _model = model;
        _owner = new SessionOwner(ModelFingerprint.Of(model), model.Config, policy, cacheType);
    }

    /// <summary>Why caches cannot be saved, or null if they can.</summary>
    /// <param name="model">The model.</param>
    /// <param name="policy">Which rows stay.</param>
    public static string? WhyNot(LanguageModel model, AttentionPolicy policy)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(policy);
        if (policy is EvictionPolicy or InfLlmPolicy)
            return $"policy {policy.Name} chooses rows by the attention they get, of which files hold no notes; use dense, streaming-llm or a plan";
        return model.Transformer.Backend.CacheMemory is HostCacheMemory
            ? null
            : $"{model.Transformer.Backend.Description}: rows are saved from the processor's memory alone";
    }

    /// <summary>Saves a snapshot; an existing file is replaced once the new one is on disk.</summary>
    /// <param name="path">The file.</param>
    /// <param name="snapshot">What the caches hold; stays the caller's.</param>
    /// <param name="tokens">The tokens whose rows it holds.</param>
    /// <exception cref="ArgumentException">The snapshot is of another model, policy or format, or has other tokens than these many.</exception>
    /// <exception cref="InvalidInputException">No file can be made there.</exception>
    /// <exception cref="IOException">Writing failed on the way, as on a full disk; nothing was left.</exception>
    /// <exception cref="ObjectDisposedException">The snapshot was disposed.</exception>
    public void Save(string path, CacheSnapshot snapshot, ReadOnlyMemory<int> tokens)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        snapshot.Read(content =>
        {
            if (!ReferenceEquals(content.Config, _owner.Config) || !ReferenceEquals(content.Policy, _owner.Policy) || content.Shape.Type != _owner.Type)
                throw new ArgumentException("The snapshot is of another model, policy or format of rows.", nameof(snapshot));
            if (content.Length != tokens.Length)
                throw new ArgumentException($"The snapshot holds the rows of {content.Length} tokens; {tokens.Length} were given.", nameof(tokens));
            SessionWriter.Write(path, _owner, content, tokens.Span);
        });
    }

    /// <summary>Reads and checks all of a file but its rows.</summary>
    /// <exception cref="InvalidInputException">The file cannot be read, is damaged, or belongs to another model, policy or format; the message says what to
    /// do.</exception>
    public SavedSession Inspect(string path)
    {
        using SessionReader file = new(path, _owner);
        return new SavedSession(file.Tokens, file.Capacity, file.Bytes);
    }

    /// <summary>Reads a file.</summary>
    /// <returns>What the caches held, which is the caller's to dispose, and the tokens whose rows these are.</returns>
    /// <exception cref="InvalidInputException">The file cannot be read, is damaged, or belongs to another model, policy or format; the message says what to
    /// do. Or the memory can never hold its rows.</exception>
    public (CacheSnapshot Snapshot, int[] Tokens) Load(string path)
    {
        using SessionReader file = new(path, _owner);
        return (file.ReadRows(_model.Transformer.Backend.CacheMemory), file.Tokens);
    }
}
