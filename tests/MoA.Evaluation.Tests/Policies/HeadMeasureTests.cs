using MoA.Engine.Attention.Policies;
using MoA.Engine.Configuration;
using MoA.Engine.Generation;
using MoA.Evaluation.Policies;
using MoA.Tests;

namespace MoA.Evaluation.Tests.Policies;

/// <summary>Head scores against their official codes written down one to one over <see cref="PlainLlama"/>, heads of a group included.</summary>
public sealed class HeadMeasureTests
{
    private static readonly int[][] Texts =
    [
        [.. Enumerable.Range(0, 40).Select(i => i * 37 % 101 + 3)], [.. Enumerable.Range(0, 30).Select(i => i * i % 89 + 5)],
    ];

    /// <summary><c>duo_attention_on_the_fly</c> of kvpress: mean query and key, 500 copies, RoPE, the last row's cumulated attention, the mean of the group and of the texts.</summary>
    [Theory]
    [InlineData("llama-mha")]
    [InlineData("llama-gqa-llama3")]
    public void Duo_s_scores_are_those_of_the_official_code(string name) => Check(name, HeadRule.Duo, (model, plain, texts, layer, head) => texts.Average(text =>
    {
        (double[][] queries, double[][] keys) = text[layer];
        double[] key = Mean(keys, head);
        return Enumerable.Range(head * model.QueriesPerKeyValueHead, model.QueriesPerKeyValueHead).Average(queryHead =>
        {
            double[] query = Mean(queries, queryHead);
            double[] weights = PlainLlama.Softmax([.. Enumerable.Range(0, 500).Select(position => plain.Logit(query, 499, key, position))]);
            return Enumerable.Range(0, 500).Average(position => weights.Take(position + 1).Sum());
        });

        double[] Mean(double[][] rows, int head) => [.. Enumerable.Range(0, model.HeadSize).Select(d => rows.Average(row => plain.Part(row, head)[d]))];
    }));

    /// <summary>
    /// KVzip's: the text is read and then repeated; of each key of the text the largest weight in a softmax over the text and what was repeated up to the query, any of
    /// the group's; the largest of all keys but the first four and of all texts.
    /// </summary>
    [Theory]
    [InlineData("llama-mha")]
    [InlineData("llama-gqa-llama3")]
    public void Kvzip_s_scores_are_those_of_the_official_code(string name) => Check(name, HeadRule.KvZip, (model, plain, texts, layer, head) => texts.Max(text =>
    {
        (double[][] queries, double[][] keys) = text[layer];
        int read = queries.Length / 2;
        return Enumerable.Range(head * model.QueriesPerKeyValueHead, model.QueriesPerKeyValueHead).Max(queryHead =>
            Enumerable.Range(read, read).Max(query => PlainLlama.Softmax(
            [
                .. Enumerable.Range(0, query + 1).Select(key => plain.Logit(plain.Part(queries[query], queryHead), query, plain.Part(keys[key], head), key)),
            ])[4..read].Max()));
    }));

    private static void Check(
        string name, HeadRule rule, Func<ModelConfig, PlainLlama, (double[][] Queries, double[][] Keys)[][], int, int, double> expected)
    {
        string file = Path.Combine(Directory.CreateTempSubdirectory("moa-heads").FullName, "heads.tsv");
        string path = RepositoryFiles.Fixture("models", name);
        using LanguageModel model = LanguageModel.Load(path);
        using PlainLlama plain = new(path, model.Config);
        (double[][], double[][])[][] texts = [.. Texts.Select(text => plain.Run(rule == HeadRule.KvZip ? [.. text, .. text] : text))];
        double[][] scores = new HeadMeasure(model, rule).Run(Texts);
        HeadScores.WriteFile(file, scores);
        double[][] read = HeadScores.ReadFile(file, model.Config);
        Directory.Delete(Path.GetDirectoryName(file)!, recursive: true);
        for (int layer = 0; layer < model.Config.Layers; layer++)
        {
            for (int head = 0; head < model.Config.KeyValueHeads; head++)
            {
                double literal = expected(model.Config, plain, texts, layer, head);
                Assert.InRange(scores[layer][head], literal - 1e-4 * Math.Abs(literal), literal + 1e-4 * Math.Abs(literal));
                Assert.Equal(scores[layer][head], read[layer][head], 1e-7);
            }
        }

        Assert.True(scores.SelectMany(layer => layer).Distinct().Count() > 1);
    }
}
