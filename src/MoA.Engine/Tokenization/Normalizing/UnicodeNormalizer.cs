using System.Text;

namespace MoA.Engine.Tokenization.Normalizing;

/// <summary>NFC, NFD, NFKC or NFKD (Unicode Standard Annex 15).</summary>
internal sealed class UnicodeNormalizer(bool compatibility, bool composes) : Normalizer
{
    private const int SyllableBase = 0xAC00;
    private const int LeadBase = 0x1100;
    private const int VowelBase = 0x1161;
    private const int TailBase = 0x11A7;
    private const int LeadCount = 19;
    private const int VowelCount = 21;
    private const int TailCount = 28;
    private const int SyllableCount = LeadCount * VowelCount * TailCount;

    public override string Normalize(string text, bool continues)
    {
        // Below these nothing decomposes, and for NFC nothing composes either.
        char firstAffected = composes && !compatibility ? '\u0300' : '\u00A0';
        if (!text.AsSpan().ContainsAnyInRange(firstAffected, '\uFFFF'))
            return text;
        var codePoints = new List<int>(text.Length);
        foreach (Rune rune in text.EnumerateRunes())
            Decompose(rune.Value, codePoints);
        SortMarks(codePoints);
        int count = composes ? Compose(codePoints) : codePoints.Count;
        var normalized = new StringBuilder(count);
        for (int i = 0; i < count; i++)
            normalized.Append(new Rune(codePoints[i]));
        return normalized.ToString();
    }

    private void Decompose(int codePoint, List<int> output)
    {
        int syllable = codePoint - SyllableBase;
        if (syllable is >= 0 and < SyllableCount)
        {
            output.Add(LeadBase + syllable / (VowelCount * TailCount));
            output.Add(VowelBase + syllable / TailCount % VowelCount);
            if (syllable % TailCount > 0)
                output.Add(TailBase + syllable % TailCount);
        }
        else if (UnicodeTables.Decomposition(codePoint, compatibility) is { } decomposition)
        {
            output.AddRange(decomposition);
        }
        else
        {
            output.Add(codePoint);
        }
    }

    // Runs of combining marks in the order of their classes; marks of one class keep their order.
    private static void SortMarks(List<int> codePoints)
    {
        for (int start = 0; start < codePoints.Count; start++)
        {
            int end = start;
            while (end < codePoints.Count && UnicodeTables.CombiningClass(codePoints[end]) > 0)
                end++;
            if (end - start < 2)
                continue;
            int[] sorted = [.. codePoints.GetRange(start, end - start).OrderBy(UnicodeTables.CombiningClass)];
            for (int i = 0; i < sorted.Length; i++)
                codePoints[start + i] = sorted[i];
            start = end;
        }
    }

    // Joins each starter with what follows it and is not blocked by a mark of the same or a higher class; returns the count.
    private static int Compose(List<int> codePoints)
    {
        int written = 0;
        int starter = -1;
        int lastClass = 0;
        for (int read = 0; read < codePoints.Count; read++)
        {
            int codePoint = codePoints[read];
            int combiningClass = UnicodeTables.CombiningClass(codePoint);
            bool reaches = starter >= 0 && (starter == written - 1 || lastClass < combiningClass);
            if (reaches && ComposePair(codePoints[starter], codePoint) is int composed)
            {
                codePoints[starter] = composed;
                continue;
            }

            if (combiningClass == 0)
                starter = written;
            lastClass = combiningClass;
            codePoints[written++] = codePoint;
        }

        return written;
    }

    private static int? ComposePair(int first, int second)
    {
        int lead = first - LeadBase;
        int vowel = second - VowelBase;
        if (lead is >= 0 and < LeadCount && vowel is >= 0 and < VowelCount)
            return SyllableBase + (lead * VowelCount + vowel) * TailCount;
        int syllable = first - SyllableBase;
        int tail = second - TailBase;
        if (syllable is >= 0 and < SyllableCount && syllable % TailCount == 0 && tail is > 0 and < TailCount)
            return first + tail;
        return UnicodeTables.Composition(first, second);
    }
}
