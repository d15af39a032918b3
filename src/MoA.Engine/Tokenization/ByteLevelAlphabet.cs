using System.Buffers;
using System.Text;

namespace MoA.Engine.Tokenization;

/// <summary>
/// GPT-2's alphabet of 256 printable characters, one for every byte: printable Latin-1 stands for itself, the other bytes
/// in order for U+0100 and up.
/// </summary>
internal static class ByteLevelAlphabet
{
    private static readonly char[] CharacterOfByte = BuildCharacters();
    private static readonly short[] ByteOfCharacter = BuildBytes();

    /// <summary>Writes the UTF-8 bytes of a text as characters of the alphabet.</summary>
    public static string Write(ReadOnlySpan<char> text)
    {
        int capacity = Encoding.UTF8.GetMaxByteCount(text.Length);
        byte[] buffer = ArrayPool<byte>.Shared.Rent(capacity);
        int length = Encoding.UTF8.GetBytes(text, buffer);
        string written = string.Create(length, buffer, static (target, bytes) =>
        {
            for (int i = 0; i < target.Length; i++)
                target[i] = CharacterOfByte[bytes[i]];
        });
        ArrayPool<byte>.Shared.Return(buffer);
        return written;
    }

    /// <summary>The bytes that a token stands for; a token with a character outside the alphabet stands for its UTF-8.</summary>
    public static byte[] Read(string token)
    {
        var bytes = new byte[token.Length];
        for (int i = 0; i < token.Length; i++)
        {
            char c = token[i];
            if (c >= ByteOfCharacter.Length || ByteOfCharacter[c] < 0)
                return Encoding.UTF8.GetBytes(token);
            bytes[i] = (byte)ByteOfCharacter[c];
        }

        return bytes;
    }

    private static char[] BuildCharacters()
    {
        var characters = new char[256];
        char next = '\u0100';
        for (int value = 0; value < characters.Length; value++)
        {
            bool printable = value is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);
            characters[value] = printable ? (char)value : next++;
        }

        return characters;
    }

    private static short[] BuildBytes()
    {
        var bytes = new short[CharacterOfByte.Max() + 1];
        Array.Fill(bytes, (short)-1);
        for (int value = 0; value < CharacterOfByte.Length; value++)
            bytes[CharacterOfByte[value]] = (short)value;
        return bytes;
    }
}
