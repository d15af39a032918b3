using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using MoA.Engine.Tokenization;
using MoA.Serving;
using MoA.Serving.Chat;

namespace MoA.Cluster.Conversations;

/// <summary>
/// What tells conversations apart. Clients send all messages with every request and mostly name no conversation, so it is known by how it begins: by
/// everything up to its first question, which later turns and regenerated answers share.
/// </summary>
internal static class ConversationKey
{
    // Less is read as quickly as one asks for it.
    private const int LeastPrefixTokens = 64, CharactersPerToken = 4;

    /// <summary>The key of a conversation's grain.</summary>
    public static string Of(ChatRequest request, string fingerprint)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Append(hash, fingerprint);
        Append(hash, request.Conversation ?? "");
        AppendBeginning(hash, request.Messages);
        return Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 16));
    }

    /// <summary>The key of a text's grain: texts that begin alike find each other's caches by their prefixes.</summary>
    public static string Of(Guid request) => $"text-{request:N}";

    /// <summary>A conversation's beginning that others share: the system prompt and the tools.</summary>
    public static ConversationPrefix[] PrefixesOf(ChatRequest request)
    {
        ChatMessage[] system = [.. request.Messages.TakeWhile(static message => message.Role.Name is "system" or "developer")];
        int tokens = (system.Sum(static message => message.Content.Length) + request.Tools.Sum(static tool => tool.ToString().Length)) / CharactersPerToken;
        if (tokens < LeastPrefixTokens)
            return [];
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        AppendBeginning(hash, system);
        foreach (ToolDefinition tool in request.Tools)
            Append(hash, tool.ToString());
        return [new ConversationPrefix(MemoryMarshal.Read<ulong>(hash.GetHashAndReset()), tokens)];
    }

    /// <summary>A prompt's first tokens, for twice as many each time.</summary>
    public static ConversationPrefix[] PrefixesOf(GenerationRequest request)
    {
        int[] prompt = [.. request.Prompt];
        List<ConversationPrefix> prefixes = [];
        for (long length = LeastPrefixTokens; length <= prompt.Length; length *= 2)
            prefixes.Add(new ConversationPrefix(MemoryMarshal.Read<ulong>(SHA256.HashData(MemoryMarshal.AsBytes(prompt.AsSpan(0, (int)length)))), (int)length));
        return [.. prefixes];
    }

    private static void AppendBeginning(IncrementalHash hash, IReadOnlyList<ChatMessage> messages)
    {
        foreach (ChatMessage message in messages)
        {
            Append(hash, message.Role.Name);
            Append(hash, message.Content);
            if (message.Role == ChatRole.User)
                return;
        }
    }

    private static void Append(IncrementalHash hash, string text)
    {
        hash.AppendData(MemoryMarshal.AsBytes([text.Length]));
        hash.AppendData(Encoding.Unicode.GetBytes(text));
    }
}
