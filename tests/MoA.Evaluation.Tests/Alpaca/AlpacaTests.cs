using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using MoA.Engine;
using MoA.Evaluation.Alpaca;
using MoA.Evaluation.Data;
using MoA.Evaluation.Tasks;
using MoA.Evaluation.Tests.Data;

namespace MoA.Evaluation.Tests.Alpaca;

public sealed class AlpacaTests(DemoModel demo) : IClassFixture<DemoModel>
{
    private const string Data = """
        [{"instruction":"Say hello {output_1}.","output":"Hello.","generator":"other","dataset":"helpful_base"},
         {"instruction":"Count.","output":"1 2","generator":"other","dataset":"koala"}]
        """;

    [Fact]
    public void Outputs_have_alpaca_evals_format_and_are_judged_once()
    {
        string file = SampleFiles.Write(demo.NewPath(), "alpaca_eval.json", Data);
        EvaluationSet set = AlpacaTask.Read(demo.Model, new DataSetFiles(Path.GetDirectoryName(file), AlpacaTask.Repository), 8, null);
        string parent = demo.NewPath();
        EvaluationMetrics metrics = new EvaluationRun(demo.Model, new EvaluationSettings { Folder = parent }).Run(set, PolicyChoice.Dense);
        Assert.Null(metrics.Accuracy);
        string folder = Assert.Single(Directory.GetDirectories(parent));
        using (JsonDocument outputs = JsonDocument.Parse(File.ReadAllText(AlpacaTask.WriteOutputs(folder))))
        {
            JsonElement[] rows = [.. outputs.RootElement.EnumerateArray()];
            Assert.Equal(["Say hello {output_1}.", "Count."], rows.Select(row => row.GetProperty("instruction").GetString()!));
            Assert.Equal(["helpful_base", "koala"], rows.Select(row => row.GetProperty("dataset").GetString()!));
            Assert.All(rows, row => Assert.Equal("demo dense", row.GetProperty("generator").GetString()));
            Assert.All(rows, row => Assert.Equal(JsonValueKind.String, row.GetProperty("output").ValueKind));
        }

        Endpoint endpoint = new();
        using (AlpacaJudge judge = new("http://judge/v1", "j", "key", endpoint))
            Assert.Equal(0.75, judge.Judge(folder).Accuracy!.Value, 12);
        Assert.Equal(2, endpoint.Requests.Count);
        Assert.All(endpoint.Requests, request => Assert.Equal(["system", "user"], request.GetProperty("messages").EnumerateArray().Select(message => message.GetProperty("role").GetString()!)));
        Assert.Contains(endpoint.Requests, request => request.ToString().Contains("Say hello {output_1}.", StringComparison.Ordinal));
        using (AlpacaJudge judge = new("http://judge/v1", "j", "key", endpoint))
            Assert.Equal(0.75, judge.Judge(folder).Accuracy!.Value, 12);
        Assert.Equal(2, endpoint.Requests.Count);
        Assert.Equal(0.75, EvaluationFolder.ReadMetrics(folder).Accuracy!.Value, 12);
    }

    /// <summary>p(m) / (p(m) + p(M)) as AlpacaEval's logprob_parser gives it, less its offset.</summary>
    [Theory]
    [InlineData("""{"choices":[{"logprobs":{"content":[{"top_logprobs":[{"token":"m","logprob":-1.0986122886681098},{"token":"M","logprob":-0.40546510810816444}]}]}}]}""", 1 / 3.0)]
    [InlineData("""{"choices":[{"logprobs":{"content":[{"top_logprobs":[{"token":"m","logprob":-3}]}]}}]}""", 1)]
    [InlineData("""{"choices":[{"logprobs":{"content":[{"top_logprobs":[{"token":"x","logprob":-3}]}]}}]}""", 0.5)]
    [InlineData("""{"choices":[{"logprobs":null,"message":{"content":" M\n"}}]}""", 0)]
    [InlineData("""{"choices":[{"message":{"content":"m"}}]}""", 1)]
    public void Preferences_are_read(string response, double expected) => Assert.Equal(expected, AlpacaJudge.ReadPreference(response), 12);

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("{\"choices\":[]}")]
    [InlineData("{\"choices\":[{\"message\":7}]}")]
    [InlineData("{\"choices\":[{\"logprobs\":{\"content\":[{}]}}]}")]
    public void What_is_no_completion_is_said(string response) => Assert.Throws<IOException>(() => AlpacaJudge.ReadPreference(response));

    [Fact]
    public void Endpoints_that_are_none_and_errors_are_said()
    {
        Assert.Throws<InvalidInputException>(() => new AlpacaJudge("judge", "j", null));
        Assert.Throws<InvalidInputException>(() => new AlpacaJudge("file:///etc", "j", null));
        string file = SampleFiles.Write(demo.NewPath(), "alpaca_eval.json", "{}");
        Assert.StartsWith(file, Assert.Throws<InvalidInputException>(() => AlpacaTask.Parse(new DataFile(file))).Message, StringComparison.Ordinal);
    }

    /// <summary>Prefers the model to the reference with probability 3/4, wherever they stand.</summary>
    private sealed class Endpoint : HttpMessageHandler
    {
        public List<JsonElement> Requests { get; } = [];

        protected override HttpResponseMessage Send(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            Assert.Equal(new Uri("http://judge/v1/chat/completions"), request.RequestUri);
            Assert.Equal("Bearer key", request.Headers.Authorization!.ToString());
            using JsonDocument body = JsonDocument.Parse(request.Content!.ReadAsStream(cancellationToken));
            Requests.Add(body.RootElement.Clone());
            string user = body.RootElement.GetProperty("messages")[1].GetProperty("content").GetString()!;

            bool referenceFirst = user.IndexOf("\"\"\"Hello.\"\"\"", StringComparison.Ordinal) is var hello and >= 0
                ? hello < user.IndexOf("identifier\": \"M\"", StringComparison.Ordinal)
                : user.IndexOf("\"\"\"1 2\"\"\"", StringComparison.Ordinal) < user.IndexOf("identifier\": \"M\"", StringComparison.Ordinal);
            (double one, double two) = referenceFirst ? (0.25, 0.75) : (0.75, 0.25);
            string[] logprobs = [.. new[] { one, two }.Select(share => Math.Log(share).ToString("R", CultureInfo.InvariantCulture))];
            string answer = """{"choices":[{"logprobs":{"content":[{"top_logprobs":[{"token":"m","logprob":ONE},{"token":"M","logprob":TWO}]}]}}]}"""
                .Replace("ONE", logprobs[0], StringComparison.Ordinal).Replace("TWO", logprobs[1], StringComparison.Ordinal);
            return new HttpResponseMessage(HttpStatusCode.OK) { Content = new StringContent(answer, Encoding.UTF8) };
        }

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            Task.FromResult(Send(request, cancellationToken));
    }
}
