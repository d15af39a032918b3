namespace MoA.Serving.Benchmarks;

/// <summary>A server with sessions on disk, killed again and again while it answers and saves: what it finds at the next start is whole, or is refused.</summary>
internal static class KillCase
{
    private const int MaxPrompt = 1500, MaxNew = 32, Clients = 8;

    public static async Task RunAsync(Settings settings, Report report)
    {
        (int kills, int texts) = (settings.Number("kills", 50), settings.Number("texts", 24));
        string[] model = [.. settings.Model(), "--kv", "f32", "--kv-memory", settings.Text("kv-memory", "256MiB")!];
        string moa = settings.Moa;
        Random random = new(settings.Seed);
        settings.RefuseOthers();
        // Each text goes on where another ends, as a conversation does.
        List<int[]> prompts = [];
        for (int i = 0; i < texts; i++)
            prompts.Add([.. i % 3 == 0 ? Array.Empty<int>() : prompts[i - 1], .. Prompts.Make(random, random.Next(20, MaxPrompt / 3))]);
        string[] alone = new string[texts];
        await using (ServerProcess server = await ServerProcess.StartAsync(moa, model))
        {
            for (int i = 0; i < texts; i++)
                alone[i] = (await Completion.ReadAsync(server.Http, prompts[i], MaxNew)).Text;
        }

        string folder = Directory.CreateTempSubdirectory("moa-serving-").FullName;
        int found = 0, wrong = 0, failed = 0, asked = 0, restored = 0, refused = 0, unfinished = 0, left = 0;
        long mostFiles = 0;
        try
        {
            for (int kill = 0; kill <= kills; kill++)
            {
                found += Directory.GetFiles(folder, "*.moa-session").Length;
                unfinished += Directory.GetFiles(folder, "*.tmp").Length;
                mostFiles = Math.Max(mostFiles, Directory.GetFiles(folder).Length);
                await using ServerProcess server = await ServerProcess.StartAsync(moa, [.. model, "--session-dir", folder]);
                left += Directory.GetFiles(folder, "*.tmp").Length;
                for (int i = 0; i < texts; i++)
                    Check(i, await Completion.ReadAsync(server.Http, prompts[i], MaxNew));
                using CancellationTokenSource gone = new();
                Task[] clients = [.. Enumerable.Range(0, Clients).Select(client => ClientAsync(server, new Random(random.Next()), gone.Token))];
                await Task.Delay(random.Next(1, 1500));
                await server.KillAsync();
                await gone.CancelAsync();
                await Task.WhenAll(clients);
                refused += server.Notes.Count(note => note.Contains(".moa-session", StringComparison.Ordinal));
                foreach (string note in server.Notes.Where(note => note.Contains(folder, StringComparison.Ordinal)).Take(3))
                    Console.Error.WriteLine(note);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        Report.Say("kills, files found at the starts after them, most in the folder", $"{kills}, {found}, {mostFiles}");
        Report.Say("notes of files that could not be used", $"{refused}");
        Report.Say("texts that went on from kept caches", $"{restored} of {asked}");
        report.Require("half-written files, before and after the starts", left == 0, $"{unfinished}, {left}");
        report.Require("requests that failed", failed == 0, $"{failed}");
        report.Require("texts other than those read afresh", wrong == 0, $"{wrong}");

        void Check(int text, Completion completion)
        {
            asked++;
            failed += completion.Error is null ? 0 : 1;
            restored += completion.Tokens.Cached > 0 ? 1 : 0;
            wrong += completion.Error is null && completion.Text != alone[text] ? 1 : 0;
        }

        // New texts all the time, so that files are being written whenever the end comes.
        async Task ClientAsync(ServerProcess server, Random draw, CancellationToken gone)
        {
            while (!gone.IsCancellationRequested)
            {
                Completion completion = await Completion.ReadAsync(server.Http, [.. prompts[draw.Next(texts)], .. Prompts.Make(draw, draw.Next(1, 200))], MaxNew, cancellation: gone);
                if (completion.Error is not null)
                    return;
            }
        }
    }
}
