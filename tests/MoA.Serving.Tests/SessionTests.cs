using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Generation;
using MoA.Engine.Numerics;
using MoA.Engine.Tests.Generation;

namespace MoA.Serving.Tests;

/// <summary>Conversations that outlive the service.</summary>
public sealed class SessionTests(DemoModel demo) : IClassFixture<DemoModel>, IDisposable
{
    private readonly LanguageModel _model = demo.Model;
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("moa-sessions");
    private readonly List<string> _notes = [];

    public void Dispose() => _folder.Delete(recursive: true);

    private FileInfo[] Files() => [.. _folder.GetFiles().Where(file => file.Name != "lock")];

    /// <summary>Two services would delete each other's files; a file that a killed one has left holds nobody up.</summary>
    [Fact]
    public async Task A_folder_is_one_services()
    {
        await using (ModelService service = new(_model, Options(dense: true)))
        {
            InvalidInputException refusal = Assert.Throws<InvalidInputException>(() => new ModelService(_model, Options(dense: true)));
            Assert.Equal($"{_folder.FullName}: another service keeps its conversations there; end it, or choose another folder for this one", refusal.Message);
            _ = await service.Generate(Ask(Tokens(1, 200), 2)).Outcome;
        }

        Assert.Contains(_folder.GetFiles(), file => file.Name == "lock");
        await using ModelService next = new(_model, Options(dense: true));
        Assert.Equal(199, (await next.Generate(Ask(Tokens(1, 200), 2)).Outcome).Usage.CachedTokens);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task After_a_restart_a_text_goes_on_where_it_ended(bool dense)
    {
        ServiceOptions options = Options(dense);
        int[] first = Tokens(1, 400);
        int[] second, third;
        Usage usage;
        IReadOnlyList<int> expected;
        await using (ModelService service = new(_model, options))
        {
            GenerationOutcome outcome = await service.Generate(Ask(first, 20)).Outcome;
            second = [.. first, .. outcome.Tokens, .. Tokens(2, 10)];
            outcome = await service.Generate(Ask(second, 20)).Outcome;
            third = [.. second, .. outcome.Tokens, .. Tokens(3, 10)];
        }

        FileInfo file = Assert.Single(Files()); // of the longer text, which holds the shorter one
        byte[] kept = await File.ReadAllBytesAsync(file.FullName);
        await using (ModelService service = new(_model, options))
        {
            GenerationOutcome outcome = await service.Generate(Ask(third, 20)).Outcome;
            (usage, expected) = (outcome.Usage, outcome.Tokens);
        }

        Assert.Equal(third.Length - 11, usage.CachedTokens);
        Assert.Null(usage.ReadAgain);
        Assert.Empty(_notes);
        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, Files()[0].UnixFileMode);
        if (dense)
        {
            await using ModelService fresh = new(_model, options with { SessionFolder = null });
            Assert.Equal((await fresh.Generate(Ask(third, 20)).Outcome).Tokens, expected);
        }

        // What is damaged is said, left alone, and read again.
        foreach (FileInfo other in Files())
            other.Delete();
        kept[^5] ^= 1;
        await File.WriteAllBytesAsync(file.FullName, kept);
        await File.WriteAllTextAsync(Path.Combine(_folder.FullName, "other.moa-session"), "nothing");
        await using (ModelService service = new(_model, options))
        {
            GenerationOutcome outcome = await service.Generate(Ask(third, 20)).Outcome;
            Assert.Equal(0, outcome.Usage.CachedTokens);
        }

        Assert.Contains(_notes, note => note.Contains("other.moa-session", StringComparison.Ordinal));
        Assert.Contains(_notes, note => note.Contains(file.Name, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Many_conversations_are_each_found_again_and_the_oldest_files_give_way()
    {
        int[][] prompts = [.. Enumerable.Range(0, 8).Select(i => Tokens(i + 10, 200))];
        await using (ModelService service = new(_model, Options(dense: true)))
            await Task.WhenAll(prompts.Select(prompt => service.Generate(Ask(prompt, 5)).Outcome));
        Assert.Equal(8, Files().Length);
        long one = Files()[0].Length;
        await using (ModelService service = new(_model, Options(dense: true)))
        {
            GenerationOutcome[] outcomes = await Task.WhenAll(prompts.Select(prompt => service.Generate(Ask([.. prompt, 7], 5)).Outcome));
            Assert.All(outcomes, outcome => Assert.Equal(200, outcome.Usage.CachedTokens));
        }

        Assert.Equal(16, Files().Length); // the texts part from the kept ones
        await using (ModelService service = new(_model, Options(dense: true) with { SessionBytes = 5 * one + one / 2 }))
            _ = await service.Generate(Ask(Tokens(30, 200), 5)).Outcome;
        Assert.Equal(5, Files().Length);
    }

    /// <summary>Rows that a window has overwritten are no help to a text that parts from the saved one: it is read, and does not wait for the file.</summary>
    [Fact]
    public async Task Under_windows_a_text_that_parts_from_a_saved_one_is_read()
    {
        int[] prompt = Tokens(40, 400);
        await using (ModelService service = new(_model, Options(dense: false)))
            _ = await service.Generate(Ask(prompt, 5)).Outcome;
        int[] other = [.. prompt[..300], .. Tokens(41, 20)];
        for (int start = 0; start < 2; start++)
        {
            await using ModelService service = new(_model, Options(dense: false));
            GenerationOutcome outcome = await service.Generate(Ask(other, 5)).Outcome.WaitAsync(TimeSpan.FromSeconds(20));
            Assert.Equal(start == 0 ? 0 : other.Length - 2, outcome.Usage.CachedTokens);
            other = [.. other, .. outcome.Tokens, 7]; // the last token was drawn but never read
        }
    }

    [Fact]
    public async Task What_a_killed_service_was_writing_is_removed()
    {
        string session = Path.Combine(_folder.FullName, new string('0', 32) + ".moa-session");
        await File.WriteAllTextAsync($"{session}.{Guid.NewGuid():N}.tmp", "half of it");
        await File.WriteAllTextAsync($"{session}.mine.tmp", "somebody's");
        await using (ModelService service = new(_model, Options(dense: true)))
            Assert.Equal($"{session}.mine.tmp", Assert.Single(Files()).FullName);
        Assert.Empty(_notes);
    }

    [Fact]
    public void A_folder_that_cannot_be_is_refused()
    {
        string file = Path.Combine(_folder.FullName, "file");
        File.WriteAllText(file, "");
        InvalidInputException refused = Assert.Throws<InvalidInputException>(() => new ModelService(_model, Options(true) with { SessionFolder = file }));
        Assert.Contains(file, refused.Message, StringComparison.Ordinal);
    }

    private ServiceOptions Options(bool dense) => new()
    {
        CacheType = ElementType.F32,
        CacheBytes = 256 << 20,
        SessionFolder = _folder.FullName,
        Note = _notes.Add,
        Policy = dense ? new DensePolicy() : new PlanPolicy(AttentionPlan.Uniform(4, 8, HeadKind.KeyValue, new ElasticRule(128, 0))),
    };

    private static GenerationRequest Ask(int[] prompt, int newTokens) => new() { Prompt = prompt, MaxNewTokens = newTokens };

    private int[] Tokens(int seed, int length)
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, length).Select(_ => random.Next(5, _model.Config.VocabularySize))];
    }
}
