using System.Globalization;

namespace MoA.Engine.Tokenization;

/// <summary>A vocabulary and the way words are taken apart into it. Immutable and safe to share between threads.</summary>
internal abstract class SubwordModel
{
    /// <summary>Id of every token.</summary>
    public abstract IReadOnlyDictionary<string, int> Vocabulary { get; }

    /// <summary>Id of a token; null where there is none.</summary>
    public abstract int? IdOf(string token);

    /// <summary>Ids of those tokens that words are written with too, beside their being found as added ones.</summary>
    public virtual IReadOnlySet<int> FindWritten(IEnumerable<string> added) => new HashSet<int>();

    /// <summary>Begins encoding a text.</summary>
    public abstract SubwordEncoder Start();

    /// <summary>
    /// Ids of the tokens <c>&lt;0x00&gt;</c> to <c>&lt;0xFF&gt;</c>; null unless all are there, since only then every
    /// character can be written.
    /// </summary>
    protected static int[]? FindByteIds(Dictionary<string, int> vocabulary)
    {
        var ids = new int[256];
        for (int value = 0; value < ids.Length; value++)
        {
            if (!vocabulary.TryGetValue(string.Create(CultureInfo.InvariantCulture, $"<0x{value:X2}>"), out ids[value]))
                return null;
        }

        return ids;
    }
}
