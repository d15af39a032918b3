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
using MoA.Serving.Structured;
using MoA.Tests;
using Xunit.Abstractions;

namespace MoA.Serving.Tests.Structured;

/// <summary>What the demo model writes at temperature 1 under generated schemas, judged by JsonSchema.Net.</summary>
public sealed class SampledSchemaTests(ITestOutputHelper output)
{
    private const int SchemasOfCase = 10, SamplesOfSchema = 2, MostTokens = 200;

    [Fact]
    public void Whatever_is_written_satisfies_its_schema()
    {
        using ComputeBackend backend = ComputeBackend.CreateCpu(2);
        using LanguageModel model = LanguageModel.Load(RepositoryFiles.DemoModel, backend);
        StructuredOutput structured = new(model.RequireTokenizer(), model.StopTokens);
        (int schemas, int refused, int whole, int cut) = (0, 0, 0, 0);
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
            foreach ((string schema, string text) in Write(model, structured, drawn, ref cut))
            {
                whole++;
                AssertValid(schema, text);
            }
        }).Holds(4);
        output.WriteLine($"{schemas} schemas, {refused} more that nothing satisfies; {whole} whole answers, {cut} cut off");
        Assert.True(whole > cut, $"{whole} answers were whole, {cut} cut off");
        Assert.True(schemas > 10 * refused, $"{refused} of {schemas} schemas were refused");
    }

    private static List<(string Schema, string Text)> Write(LanguageModel model, StructuredOutput structured, List<(string Schema, int Seed)> drawn, ref int cut)
    {
        GenerationLoop loop = new(model.Transformer);
        List<(string Schema, SequenceCache Cache, GenerationRun Run)> runs = [];
        foreach ((string schema, int seed) in drawn)
        {
            for (int sample = 0; sample < SamplesOfSchema; sample++)
            {
                int[] prompt = model.RequireTokenizer().EncodePrompt("line blunt-otter: REGISTER_CONTENT is <40893> {\"");
                SequenceCache cache = model.Transformer.CreateSequence(new DensePolicy(), prompt.Length + MostTokens);
                SamplingOptions sampling = new() { Temperature = 1, Seed = (ulong)((seed * SamplesOfSchema) + sample) };
                Sampler sampler = new(sampling, model.Config.VocabularySize, structured.Json(schema));
                runs.Add((schema, cache, new GenerationRun(cache, prompt, MostTokens, sampler, model.StopTokens)));
                loop.Add(runs[^1].Run);
            }
        }

        loop.RunToEnd();
        List<(string, string)> texts = [];
        foreach ((string schema, SequenceCache cache, GenerationRun run) in runs)
        {
            cache.Dispose();
            if (run.Finish == FinishReason.Stop)
                texts.Add((schema, model.RequireTokenizer().Decode([.. run.Output], skipSpecialTokens: true)));
            else
                cut++;
        }

        return texts;
    }

    private static void AssertValid(string schema, string text)
    {
        using JsonDocument document = JsonDocument.Parse(text, new JsonDocumentOptions { AllowDuplicateProperties = false });
        Assert.Equal(text, Encoding.UTF8.GetString(new UTF8Encoding(false, true).GetBytes(text)));
        EvaluationResults result = JsonSchema.FromText(schema).Evaluate(
            document.RootElement, new EvaluationOptions { RequireFormatValidation = true, OutputFormat = Json.Schema.OutputFormat.List });
        if (!result.IsValid)
        {
            IEnumerable<string> errors = (result.Details ?? []).Where(detail => detail.Errors is not null)
                .SelectMany(detail => detail.Errors!.Select(error => $"{detail.InstanceLocation} {detail.EvaluationPath}: {error.Key} {error.Value}"));
            Assert.Fail($"{schema}\n{text}\n{string.Join('\n', errors)}");
        }
    }
}
