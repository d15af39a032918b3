using MoA.Engine.Configuration;
using MoA.Engine.Files;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Models.Loading;

/// <summary>
/// Writes GGUF files of a given shape with random weights and a made-up vocabulary: as fast and as large as the real model,
/// without a download.
/// </summary>
internal static class RandomModel
{
    private const int SpecialTokens = 3;
    private const int FewestTokens = SpecialTokens + 256 + 96;

    /// <summary>Writes a model. The same shape, format and seed give the same file.</summary>
    /// <param name="file">The file to write; an existing one is replaced at the end.</param>
    /// <param name="shape">The shape; see <see cref="ModelShape"/>.</param>
    /// <param name="weights">Format of the matrices; where their rows do not fill its blocks Q8_0 or else BF16.</param>
    /// <param name="name">The model's name.</param>
    /// <param name="seed">What the weights are drawn from.</param>
    /// <param name="threads">Threads; 0 means one for each processor.</param>
    /// <param name="progress">Told before each tensor.</param>
    /// <param name="cancellation">Ends the work; nothing is left then.</param>
    /// <exception cref="InvalidInputException">No file can be made there.</exception>
    /// <exception cref="IOException">Writing failed on the way, as on a full disk.</exception>
    public static ConversionResult Write(
        string file,
        ModelConfig shape,
        ElementType weights,
        string name,
        ulong seed = 0,
        int threads = 0,
        Action<ConversionProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        (GgufWriter writer, ConversionResult result) = Prepare(file, shape, weights, name, seed, threads, cancellation);
        writer.Write(file, progress);
        return result with { Bytes = new FileInfo(file).Length };
    }

    /// <summary>What <see cref="Write"/> would write and take; nothing is written.</summary>
    /// <param name="file">The file to write.</param>
    /// <param name="shape">The shape; see <see cref="ModelShape"/>.</param>
    /// <param name="weights">Format of the matrices.</param>
    /// <param name="name">The model's name.</param>
    /// <param name="threads">Threads; 0 means one for each processor.</param>
    /// <param name="cancellation">Ends the work.</param>
    public static ConversionPlan Plan(
        string file, ModelConfig shape, ElementType weights, string name, int threads = 0, CancellationToken cancellation = default)
    {
        (GgufWriter writer, ConversionResult result) = Prepare(file, shape, weights, name, 0, threads, cancellation);
        return new ConversionPlan(result with { Bytes = writer.FileBytes() }, 0, RandomWeights.PieceBytes(weights), writer.Rehearse());
    }

    /// <summary>
    /// A model whose matrices are stored nowhere: a device that has memory of its own draws them there, other numbers than
    /// <see cref="Write"/> does, but distributed alike. The processor refuses it. It has no tokenizer.
    /// </summary>
    /// <param name="shape">The shape; see <see cref="ModelShape"/>.</param>
    /// <param name="weights">Format of the matrices; where their rows do not fill its blocks Q8_0 or else BF16.</param>
    /// <param name="name">The model's name.</param>
    /// <param name="seed">What the weights are drawn from.</param>
    public static LoadedModel Describe(ModelConfig shape, ElementType weights, string name, ulong seed = 0)
    {
        ArgumentNullException.ThrowIfNull(shape);
        return new LoadedModel(shape, new RandomDescription(shape, weights, seed).Read(), new GenerationConfig(), name);
    }

    private static (GgufWriter Writer, ConversionResult Result) Prepare(
        string file, ModelConfig shape, ElementType weights, string name, ulong seed, int threads, CancellationToken cancellation)
    {
        ArgumentException.ThrowIfNullOrEmpty(file);
        ArgumentNullException.ThrowIfNull(shape);
        GgufWriter writer = new();
        GgufConfigWriter.Write(writer, shape, new GenerationConfig(), name);
        writer.Add("general.file_type", GgufTensorTypes.FileType(weights));
        writer.Add("general.quantization_version", 2u);
        WriteVocabulary(writer, shape.VocabularySize);
        foreach ((string tensor, float[] divisors) in GgufRope.Tensors(shape))
            GgufConverter.AddVector(writer, tensor, divisors);
        RandomWeights random = new(seed, ParallelWork.Options(threads, cancellation));
        using ModelWeights described = new RandomDescription(shape, weights, seed).Read();
        GgufTensorPlan plan = new(shape, weights);
        foreach (PlannedTensor tensor in plan.Tensors(described))
        {
            Action<Stream>[] parts = [.. tensor.Sources.Select(source => source.Random is RandomContent content
                ? random.Matrix(tensor.Type, source.Rows, source.Columns, content)
                : Vector(source))];
            writer.AddTensor(tensor.Name, tensor.Type, tensor.Shape, to => Array.ForEach(parts, part => part(to)));
        }

        return (writer, new ConversionResult(file, 0, plan.Counts, plan.Fallbacks, []));
    }

    private static unsafe Action<Stream> Vector(WeightTensor vector)
    {
        byte[] bytes = new ReadOnlySpan<byte>(vector.Data, (int)vector.Bytes).ToArray();
        return to => to.Write(bytes);
    }

    /// <summary>
    /// A vocabulary in SentencePiece's manner: three special tokens, 256 bytes, the printable characters of ASCII, then
    /// strings of small letters, shorter ones first. Every text can be written, and no two programs need to agree on more.
    /// </summary>
    private static void WriteVocabulary(GgufWriter writer, int size)
    {
        if (size < FewestTokens)
        {
            writer.Add("tokenizer.ggml.model", "no_vocab");
            return;
        }

        string[] tokens =
        [
            "<unk>", "<s>", "</s>",
            .. Enumerable.Range(0, 256).Select(value => $"<0x{value:X2}>"),
            "\u2581", .. Enumerable.Range('!', '~' - '!' + 1).Select(character => $"{(char)character}"),
            .. Words().Take(size - FewestTokens + 1),
        ];
        tokens = tokens[..size];
        writer.Add("tokenizer.ggml.model", "llama");
        writer.Add("tokenizer.ggml.pre", "default");
        writer.Add("tokenizer.ggml.tokens", tokens);
        writer.Add("tokenizer.ggml.scores", [.. Enumerable.Range(0, size).Select(id => id < SpecialTokens + 256 ? 0f : -(float)id)]);
        writer.Add("tokenizer.ggml.token_type", [.. Enumerable.Range(0, size).Select(TypeOf)]);
        writer.Add("tokenizer.ggml.bos_token_id", 1u);
        writer.Add("tokenizer.ggml.eos_token_id", 2u);
        writer.Add("tokenizer.ggml.unknown_token_id", 0u);
        writer.Add("tokenizer.ggml.add_bos_token", true);
        writer.Add("tokenizer.ggml.add_eos_token", false);

        static int TypeOf(int id) => id switch
        {
            0 => 2, // unknown
            < SpecialTokens => 3, // control
            < SpecialTokens + 256 => 6, // byte
            _ => 1,
        };
    }

    // aa, ab, … zz, aaa, …: each is a shorter one and a letter, so that joining letters can reach all of them.
    private static IEnumerable<string> Words()
    {
        List<string> shorter = [.. Enumerable.Range('a', 26).Select(letter => $"{(char)letter}")];
        while (true)
        {
            List<string> longer = [];
            foreach (string word in shorter)
            {
                for (char letter = 'a'; letter <= 'z'; letter++)
                {
                    longer.Add(word + letter);
                    yield return word + letter;
                }
            }

            shorter = longer;
        }
    }
}
