using System.Buffers.Binary;
using System.Text;
using System.Text.RegularExpressions;

namespace MoA.Engine.Tests.Models.Loading;

/// <summary>Damages files as chance has it: the same seed gives the same damage.</summary>
internal static partial class Mutation
{
    private static readonly long[] Numbers =
        [0, 1, -1, 127, 128, 255, 256, short.MaxValue, ushort.MaxValue, int.MaxValue, int.MinValue, uint.MaxValue, 1L << 40, long.MaxValue, long.MinValue];

    private static readonly string[] Values =
    [
        "null", "true", "false", "0", "1", "-1", "2", "3", "7", "0.5", "-0.0", "1e308", "1e400", "1e-400", "NaN", "Infinity", "2147483647", "2147483648", "-2147483648",
        "9223372036854775807", "9223372036854775808", "16384", "1000000", "\"\"", "\"x\"", "\"\\ud800\"", "\"\\u0000\"", "[]", "{}", "[null]", "[1,2,3]", "[[[[]]]]",
        "[-1,1e9]", "{\"a\":{\"b\":[]}}", "\"llama\"", "\"LlamaForCausalLM\"", "\"Phi3ForCausalLM\"", "\"MistralForCausalLM\"", "\"yarn\"", "\"longrope\"", "\"dynamic\"",
        "{\"rope_type\":\"yarn\",\"factor\":1e300}", "{\"rope_type\":\"longrope\",\"short_factor\":[1],\"long_factor\":[1]}", "{\"type\":\"linear\",\"factor\":0}",
    ];

    /// <summary>Changes bytes, numbers and lengths, mostly where the structure is: near the beginning and the end.</summary>
    /// <param name="whole">The file.</param>
    /// <param name="random">What is done.</param>
    /// <param name="structure">Bytes at either end in which most changes fall.</param>
    public static byte[] OfBytes(byte[] whole, Random random, int structure)
    {
        List<byte> bytes = [.. whole];
        int kinds = random.Next(3) == 0 ? 8 : 4; // the first ones leave everything else where it stands
        for (int changes = random.Next(1, 5); changes > 0 && bytes.Count > 0; changes--)
        {
            int at = Place(bytes.Count, random, structure), length = Math.Min(random.Next(1, 64), bytes.Count - at);
            switch (random.Next(kinds))
            {
                case 0:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 1:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 4:
                    bytes.RemoveRange(at, length);
                    break;
                case 5:
                    bytes.InsertRange(at, [.. bytes.Skip(Place(bytes.Count, random, structure)).Take(length)]);
                    break;
                case 2:
                    byte[] number = new byte[8];
                    BinaryPrimitives.WriteInt64LittleEndian(number, Numbers[random.Next(Numbers.Length)]);
                    for (int i = 0; i < Math.Min(1 << random.Next(4), bytes.Count - at); i++)
                        bytes[at + i] = number[i];
                    break;
                case 6:
                    bytes.RemoveRange(at, bytes.Count - at);
                    break;
                case 3:
                    int from = Place(bytes.Count - length + 1, random, structure);
                    for (int i = 0; i < length; i++)
                        bytes[at + i] = bytes[from + i];
                    break;
                default:
                    byte[] insertion = new byte[length];
                    random.NextBytes(insertion);
                    bytes.InsertRange(at, insertion);
                    break;
            }
        }

        return [.. bytes];
    }

    /// <summary>Replaces values, and now and then a key or bytes.</summary>
    public static byte[] OfJson(string text, Random random)
    {
        for (int changes = random.Next(1, 4); changes > 0; changes--)
        {
            Match[] matches = [.. (random.Next(8) == 0 ? JsonKey() : JsonValue()).Matches(text).Cast<Match>()];
            if (matches.Length == 0)
                break;
            Match match = matches[random.Next(matches.Length)];
            bool isKey = text[match.Index + match.Length] == ':';
            string replacement = isKey || random.Next(4) == 0 ? matches[random.Next(matches.Length)].Value : Values[random.Next(Values.Length)];
            text = text[..match.Index] + replacement + text[(match.Index + match.Length)..];
        }

        byte[] bytes = Encoding.UTF8.GetBytes(text);
        return random.Next(8) == 0 ? OfBytes(bytes, random, bytes.Length) : bytes;
    }

    private static int Place(int count, Random random, int structure)
    {
        int near = Math.Min(structure, count);
        return random.Next(8) switch
        {
            0 => random.Next(count),
            < 5 => random.Next(near),
            _ => count - 1 - random.Next(near),
        };
    }

    // Strings, numbers, words, and lists without lists in them, after a colon.
    [GeneratedRegex("""(?<=:\s*)(?:"(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+-]*|true|false|null|\[[^\[\]]*\])""", RegexOptions.CultureInvariant)]
    private static partial Regex JsonValue();

    [GeneratedRegex("""
        "[^"\\]*"(?=:)
        """, RegexOptions.CultureInvariant)]
    private static partial Regex JsonKey();
}
