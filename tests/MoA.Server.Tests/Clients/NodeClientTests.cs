namespace MoA.Server.Tests.Clients;

/// <summary>The clients of npm, each as its users call it, against a server on a free port. What they check stands in the scripts beside this file.</summary>
public sealed class NodeClientTests(GuardedServer server) : IClassFixture<GuardedServer>
{
    [NodeFact]
    public Task OpenAI() => CheckAsync("openai.mjs");

    [NodeFact]
    public Task Anthropic() => CheckAsync("anthropic.mjs");

    [NodeFact]
    public Task AiSdk() => CheckAsync("ai.mjs");

    private async Task CheckAsync(string script)
    {
        IReadOnlyDictionary<string, string?> checks = await Node.RunAsync(script, server.Address, GuardedServer.Key);
        Assert.NotEmpty(checks);
        string[] failed = [.. checks.Where(check => check.Value is not null).Select(check => $"{check.Key}: {check.Value}")];
        Assert.True(failed.Length == 0, $"{script}: {failed.Length} of {checks.Count} checks failed\n{string.Join('\n', failed)}");
        Assert.Equal((0, 0), (server.State.Running, server.State.Waiting));
    }
}
