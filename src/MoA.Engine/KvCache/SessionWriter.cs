using System.IO.Hashing;
using System.Runtime.InteropServices;
using MoA.Engine.Files;

namespace MoA.Engine.KvCache;

/// <summary>Writes what caches hold to a file.</summary>
internal static class SessionWriter
{
    /// <summary>Writes a file that only its owner may read; an existing one is replaced once the new one is on disk.</summary>
    /// <param name="path">The file.</param>
    /// <param name="owner">What the caches belong to.</param>
    /// <param name="content">What they hold, its rows in the processor's memory and in packed layouts.</param>
    /// <param name="tokens">The tokens whose rows these are.</param>
    /// <exception cref="InvalidInputException">No file can be made there.</exception>
    /// <exception cref="IOException">Writing failed on the way, as on a full disk; nothing was left.</exception>
    public static void Write(string path, SessionOwner owner, CacheContent content, ReadOnlySpan<int> tokens)
    {
        HeadCache[] heads = [.. Enumerable.Range(0, content.Heads.Length).Select(((HostRows)content.Rows).Head)];
        int[] states = [.. content.Heads.SelectMany(head => (int[])[head.Layout.SinkRows, head.Layout.RingRows, head.LostBefore, head.LostSince])];
        byte[] text = MemoryMarshal.AsBytes(tokens).ToArray();
        long rows = heads.Sum(head => head.Pieces(content.Length).Sum(piece => (long)piece.Rows));
        XxHash128 hash = new();
        ForEach(values: false, hash.Append);
        ForEach(values: true, hash.Append);
        Dictionary<string, string> metadata = SessionFormat.Describe(owner, content.Capacity, Convert.ToHexStringLower(hash.GetCurrentHash()));
        metadata.Add(SessionFormat.ChecksumKey, SessionFormat.Checksum(metadata, states, tokens));
        (string type, long elements) = SessionFormat.Row(owner.Type, content.Shape.HeadSize);
        long bytes = rows * heads[0].BytesPerRow;
        SafetensorsWriter.Write(path, metadata,
        [
            new(SessionFormat.Heads, "I32", [heads.Length, SessionFormat.HeadNumbers], 4L * states.Length, file => file.Write(MemoryMarshal.AsBytes(states.AsSpan()))),
            new(SessionFormat.Tokens, "I32", [content.Length], text.Length, file => file.Write(text)),
            new(SessionFormat.Keys, type, [rows, elements], bytes, file => ForEach(values: false, file.Write)),
            new(SessionFormat.Values, type, [rows, elements], bytes, file => ForEach(values: true, file.Write)),
        ], ownerOnly: true);

        void ForEach(bool values, BytesReader see)
        {
            foreach (HeadCache head in heads)
            {
                foreach ((int slot, int count) in head.Pieces(content.Length))
                    see(head.Stored(values, slot, count));
            }
        }
    }

    private delegate void BytesReader(ReadOnlySpan<byte> bytes);
}
