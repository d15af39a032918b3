using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using FsCheck;
using FsCheck.Fluent;
using Json.Schema;
using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Tokenization;
using MoA.Serving.Structured;
using MoA.Tests;
using Xunit.Abstractions;

namespace MoA.Serving.Tests.Structured;

/// <summary>
/// What the demo model writes at temperature 1 under generated schemas, judged by JsonSchema.Net: all of it. The model hardly ever ends a text or a name
/// that may be of any length; what it has not ended after some tokens is ended for it, by any tokens that are allowed, closing ones first.
/// </summary>
public sealed class SampledSchemaTests(ITestOutputHelper output)
{
    private const int SchemasOfCase = 10, SamplesOfSchema = 2, MostTokens = 200, MostToEnd = 20_000;
    private const string WantedLetters = "abcxAn\\"; // by the patterns of RandomSchema

    [Fact]
    public void Whatever_is_written_satisfies_its_schema()
    {
        using ComputeBackend backend = ComputeBackend.CreateCpu(2);
        using LanguageModel model = LanguageModel.Load(RepositoryFiles.DemoModel, backend);
        StructuredOutput structured = new(model.RequireTokenizer(), model.StopTokens);
        (int schemas, int refused, int whole, int ended, int unread) = (0, 0, 0, 0, 0);
        Prop.ForAll(Gen.Choose(0, int.MaxValue / 2).ToArbitrary(), seed =>
        {
            List<(string Schema, int Seed)> drawn = [];
            for (int i = 0; drawn.Count < SchemasOfCase; i++)
            {
                string schema = RandomSchema.Draw(seed + i);
                try
                {
                    _ = structured.Json(schema);
                    drawn.Add((schema, seed + i));
                }
                catch (InvalidInputException e) when (e.Message.StartsWith("schema: nothing satisfies it", StringComparison.Ordinal))
                {
                    refused++; // drawn bounds may contradict each other
                }
            }

            schemas += drawn.Count;
            foreach ((string schema, string text, bool wasEnded) in Write(model, structured, drawn))
            {
                (whole, ended) = wasEnded ? (whole, ended + 1) : (whole + 1, ended);
                unread += AssertValid(schema, text) ? 0 : 1;
            }
        }).Holds(4);
        output.WriteLine($"{schemas} schemas, {refused} more that nothing satisfies; valid: {whole} answers as the model ended them, {ended} that were ended for it after {MostTokens} tokens; {unread} of them with numbers that JsonSchema.Net cannot compare");
        Assert.True(unread <= schemas / 100, $"{unread} answers could not be judged");
        Assert.Equal(schemas * SamplesOfSchema, whole + ended);
        Assert.True(whole > ended / 4, $"{whole} answers were whole, {ended} had to be ended");
        Assert.True(schemas > 10 * refused, $"{refused} of {schemas} schemas were refused");
    }

    private static List<(string Schema, string Text, bool WasEnded)> Write(LanguageModel model, StructuredOutput structured, List<(string Schema, int Seed)> drawn)
    {
        GenerationLoop loop = new(model.Transformer);
        Tokenizer tokenizer = model.RequireTokenizer();
        List<(string Schema, int Seed, SequenceCache Cache, TokenConstraint Constraint, GenerationRun Run)> runs = [];
        foreach ((string schema, int seed) in drawn)
        {
            for (int sample = 0; sample < SamplesOfSchema; sample++)
            {
                int[] prompt = tokenizer.EncodePrompt("line blunt-otter: REGISTER_CONTENT is <40893> {\"");
                SequenceCache cache = model.Transformer.CreateSequence(new DensePolicy(), prompt.Length + MostTokens);
                SamplingOptions sampling = new() { Temperature = 1, Seed = (ulong)((seed * SamplesOfSchema) + sample) };
                TokenConstraint constraint = structured.Json(schema);
                Sampler sampler = new(sampling, model.Config.VocabularySize, constraint);
                runs.Add((schema, seed + sample, cache, constraint, new GenerationRun(cache, prompt, MostTokens, sampler, model.StopTokens)));
                loop.Add(runs[^1].Run);
            }
        }

        loop.RunToEnd();
        List<(string, string, bool)> texts = [];
        foreach ((string schema, int seed, SequenceCache cache, TokenConstraint constraint, GenerationRun run) in runs)
        {
            cache.Dispose();
            List<int> tokens = [.. run.Output];
            bool wasEnded = run.Finish != FinishReason.Stop;
            if (wasEnded)
                End(tokens, constraint, model, new Random(seed));
            texts.Add((schema, tokenizer.Decode([.. tokens], skipSpecialTokens: true), wasEnded));
        }

        return texts;
    }

    // A stop token where there may be one; else most often what closes texts and brackets, and at times any letter, as patterns want some; of ASCII, since JsonSchema.Net
    // counts characters that are seen as one as one.
    private static void End(List<int> tokens, TokenConstraint constraint, LanguageModel model, Random random)
    {
        Tokenizer tokenizer = model.RequireTokenizer();
        int[] letters = [.. Enumerable.Range(0, model.Config.VocabularySize).Where(token => !tokenizer.IsSpecial(token) && tokenizer.BytesOf(token).Length == 1)];
        int[] closers = [.. ((string[])["\"", "}", "]"]).Select(text => tokenizer.IdOf(text)!.Value)];
        ulong[] allowed = new ulong[(model.Config.VocabularySize + 63) / 64];
        for (int i = 0; i < MostToEnd; i++)
        {
            Array.Clear(allowed);
            constraint.Allow(allowed);
            if (model.StopTokens.Any(Allows))
                return;
            int token = closers.FirstOrDefault(Allows, -1);
            if (token < 0 || random.Next(token == closers[0] ? 8 : 2) == 0)
            {
                bool wanted = random.Next(2) == 0;
                int[] others = [.. letters.Where(token => Allows(token) && tokenizer.BytesOf(token)[0] is byte letter && (wanted ? WantedLetters.Contains((char)letter) : letter < 0x80))];
                if (others.Length == 0)
                    others = [.. letters.Where(Allows)]; // the rest of a character
                token = others[random.Next(others.Length)];
            }

            constraint.Accept(token);
            tokens.Add(token);
        }

        Assert.Fail($"{MostToEnd} tokens did not end {tokenizer.Decode([.. tokens[..MostTokens], .. tokens[^100..]])}");

        bool Allows(int token) => (allowed[token / 64] >> token & 1) != 0;
    }

    // False where it cannot be judged: JsonSchema.Net throws where a number is compared that is larger than a decimal.
    private static bool AssertValid(string schema, string text)
    {
        using JsonDocument document = JsonDocument.Parse(text, new JsonDocumentOptions { AllowDuplicateProperties = false });
        Assert.Equal(text, Encoding.UTF8.GetString(new UTF8Encoding(false, true).GetBytes(text)));
        EvaluationResults result;
        try
        {
            result = JsonSchema.FromText(schema).Evaluate(
                document.RootElement, new EvaluationOptions { RequireFormatValidation = true, OutputFormat = Json.Schema.OutputFormat.List });
        }
        catch (FormatException)
        {
            return false;
        }

        if (!result.IsValid)
        {
            IEnumerable<string> errors = (result.Details ?? []).Where(detail => detail.Errors is not null)
                .SelectMany(detail => detail.Errors!.Select(error => $"{detail.InstanceLocation} {detail.EvaluationPath}: {error.Key} {error.Value}"));
            Assert.Fail($"{schema}\n{text}\n{string.Join('\n', errors)}");
        }

        return true;
    }
}
