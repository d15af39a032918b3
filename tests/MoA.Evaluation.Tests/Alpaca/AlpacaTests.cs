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

    /// <summary>What may pass is tried three times, what may not once; a wait is what the endpoint asks for, at most a minute.</summary>
    [Theory]
    [InlineData("timeout", 3, "no answer within 2 seconds", "1 5")]
    [InlineData("refused", 3, "cannot be reached", "1 5")]
    [InlineData("503", 3, "answered 503: busy now", "1 5")]
    [InlineData("429", 3, "answered 429", "7 7")]
    [InlineData("429-long", 3, "answered 429", "60 60")]
    [InlineData("400", 1, "answered 400", "")]
    [InlineData("401", 1, "answered 401", "")]
    [InlineData("404", 1, "answered 404", "")]
    [InlineData("cut", 3, "cannot be reached", "1 5")]
    public void Faults_are_said_in_one_line_and_tried_again_where_they_may_pass(string fault, int tries, string words, string waits)
    {
        List<double> waited = [];
        FaultyHandler handler = new(fault, int.MaxValue);
        using JudgeEndpoint endpoint = new("http://judge/v1", " key\n", handler, TimeSpan.FromSeconds(2), (time, _) => waited.Add(time.TotalSeconds));
        IOException failure = Assert.Throws<IOException>(() => endpoint.Post([], default));
        Assert.Contains(words, failure.Message, StringComparison.Ordinal);
        Assert.Contains("run the command again", failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', failure.Message);
        Assert.Equal(tries, handler.Requests);
        Assert.Equal(waits, string.Join(' ', waited));
    }

    [Fact]
    public void A_fault_that_passes_is_not_seen_and_what_was_judged_is_kept()
    {
        using (JudgeEndpoint endpoint = new("http://judge/v1", null, new FaultyHandler("timeout", 2), TimeSpan.FromSeconds(2), (_, _) => { }))
            Assert.Equal("good", endpoint.Post([], default));
        using CancellationTokenSource stop = new();
        using (JudgeEndpoint endpoint = new("http://judge/v1", null, new FaultyHandler("503", 9), TimeSpan.FromSeconds(2), (_, _) => stop.Cancel()))
            Assert.Throws<OperationCanceledException>(() => endpoint.Post([], stop.Token));

        string file = SampleFiles.Write(demo.NewPath(), "alpaca_eval.json", Data);
        EvaluationSet set = AlpacaTask.Read(demo.Model, new DataSetFiles(Path.GetDirectoryName(file), AlpacaTask.Repository), 8, null);
        AlpacaJudge.Check(set);
        string parent = demo.NewPath();
        _ = new EvaluationRun(demo.Model, new EvaluationSettings { Folder = parent }).Run(set, PolicyChoice.Dense);
        string folder = Assert.Single(Directory.GetDirectories(parent));
        Endpoint first = new() { AnswersLeft = 1 }, second = new();
        using (AlpacaJudge judge = new("http://judge/v1", "j", "key", first, TimeSpan.FromSeconds(2), (_, _) => { }))
            Assert.Throws<IOException>(() => judge.Judge(folder));
        using (AlpacaJudge judge = new("http://judge/v1", "j", "key", second))
            Assert.Equal(0.75, judge.Judge(folder).Accuracy!.Value, 12);
        Assert.Single(second.Requests);
    }

    [Fact]
    public void Keys_that_cannot_be_sent_are_refused() =>
        Assert.Throws<InvalidInputException>(() => new AlpacaJudge("http://judge/v1", "j", "two words"));

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

        public int AnswersLeft { get; set; } = int.MaxValue;

        protected override HttpResponseMessage Send(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (AnswersLeft-- <= 0)
                return new HttpResponseMessage(HttpStatusCode.BadGateway);
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
