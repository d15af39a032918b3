using System.Diagnostics;
using System.Text.Json;

namespace MoA.Serving.Benchmarks;

/// <summary>Conversations over any of several servers, as clients behind a load balancer have them: who is not ready is not asked.</summary>
internal static class ConversationsCase
{
    public static async Task RunAsync(Settings settings, Report report)
    {
        (int conversations, int turns, double think) = (settings.Number("conversations", 60), settings.Number("turns", 8), settings.Real("think", 1));
        int newTokens = settings.Number("new", 60);
        string? expected = settings.Text("expect"), output = settings.Text("out");
        bool mayTryAgain = settings.Text("retries", "yes") == "yes";
        using ReadyServers servers = new(settings.Text("urls") ?? throw new ArgumentException("expected --urls with a file of addresses, one a line"));
        int seed = settings.Seed;
        _ = settings.Moa;
        settings.RefuseOthers();
        long start = Stopwatch.GetTimestamp();
        ConversationTurn[][] all = await Task.WhenAll(Enumerable.Range(0, conversations).Select(number => HoldAsync(number)));
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        ConversationTurn[] asked = [.. all.SelectMany(each => each)];
        if (output is not null)
            await File.WriteAllLinesAsync(output, asked.Select(turn => turn.Key + "\t" + JsonSerializer.Serialize(turn.Text)));
        int failed = asked.Count(turn => turn.Text is null), lost = (conversations * turns) - asked.Length;
        Report.Say("turns", $"{asked.Length} of {conversations} conversations in {seconds:F1} s");
        report.Require("failed or lost", failed + lost == 0, $"{failed + lost} {string.Join("; ", asked.Where(turn => turn.Text is null).Select(turn => turn.Errors[^1]).Distinct().Take(3))}");
        if (expected is not null)
        {
            Dictionary<string, string> texts = (await File.ReadAllLinesAsync(expected)).Select(line => line.Split('\t', 2)).ToDictionary(parts => parts[0], parts => parts[1]);
            int other = asked.Count(turn => turn.Text is not null && texts[turn.Key] != JsonSerializer.Serialize(turn.Text));
            report.Require("texts other than on one machine", other == 0, $"{other} of {asked.Length - failed}");
        }

        ConversationTurn[] again = [.. asked.Where(turn => turn.ReadAgain is not null)], calm = [.. asked.Where(turn => turn.Errors.Count == 0 && turn.ReadAgain is null)];
        report.Require("sent again, since the server that was asked died or could not answer", mayTryAgain || asked.All(turn => turn.Errors.Count == 0),
            $"{asked.Count(turn => turn.Errors.Count > 0)} ({Count(asked.SelectMany(turn => turn.Errors))})");
        Report.Say("turns whose conversation had to be read again", $"{again.Length}, {again.Sum(turn => turn.PromptTokens - turn.CachedTokens)} tokens of {asked.Sum(turn => turn.PromptTokens)} in all prompts");
        Report.SayTimes("to the first text, undisturbed turns", calm.Select(turn => turn.FirstSeconds));
        Report.SayTimes("to the first text, all turns", asked.Where(turn => turn.Text is not null).Select(turn => turn.FirstSeconds));
        Report.SayTimes("longest silence within a stream, all turns", asked.Where(turn => turn.Text is not null).Select(turn => turn.LongestGap));

        async Task<ConversationTurn[]> HoldAsync(int number)
        {
            Random random = new((seed * 1000) + number);
            List<ConversationTurn> held = [];
            List<(string Role, string Text)> messages = [("system", Prompts.System)];
            await Task.Delay(TimeSpan.FromSeconds(random.NextDouble() * think));
            for (int turn = 0; turn < turns; turn++)
            {
                messages.Add(("user", Prompts.Question(number, turn)));
                ConversationTurn asked = await ConversationTurn.AskAsync(servers, $"{number}.{turn}", messages, newTokens, (number * 100) + turn, mayTryAgain);
                held.Add(asked);
                if (asked.Text is null)
                    break;
                messages.Add(("assistant", asked.Text));
                await Task.Delay(TimeSpan.FromSeconds(random.NextDouble() * 2 * think));
            }

            return [.. held];
        }
    }

    private static string Count(IEnumerable<string> errors) =>
        string.Join(", ", errors.GroupBy(error => error).OrderByDescending(group => group.Count()).Select(group => $"{group.Key}: {group.Count()}")) is { Length: > 0 } text ? text : "none";
}
