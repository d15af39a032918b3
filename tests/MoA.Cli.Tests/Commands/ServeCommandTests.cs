using System.Net;
using System.Text;

namespace MoA.Tests.Commands;

public class ServeCommandTests
{
    [Fact]
    public async Task It_says_where_it_is_answers_and_ends_well_when_it_is_told_to()
    {
        using ChildProcess server = ChildProcess.Start("serve", "--port", "0", "--kv-memory", "64MiB", "--alias", "tiny", "--threads", "1", "--quiet");
        string ready = server.WaitForLine("moa: ready at ")!;
        string address = ready.Split(' ')[3];
        Assert.StartsWith("http://127.0.0.1:", address, StringComparison.Ordinal);
        using HttpClient client = new() { BaseAddress = new Uri(address) };
        Assert.Contains("\"tiny\"", await client.GetStringAsync("/v1/models"), StringComparison.Ordinal);
        using StringContent body = new("""{"model":"tiny","prompt":"The","max_tokens":3}""", Encoding.UTF8, "application/json");
        using HttpResponseMessage response = await client.PostAsync("/v1/completions", body);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        server.Signal(ChildProcess.Terminate);
        Invocation end = server.WaitForEnd();
        Assert.Equal((0, address), (end.ExitCode, end.Output.Trim()));
    }

    [Fact]
    public void Beyond_this_machine_it_wants_a_key()
    {
        Invocation.Of("serve", "--host", "0.0.0.0", "--port", "0").AssertRefused("0.0.0.0", "API key");
        Invocation.Of("serve", "--host", "example.org", "--port", "0").AssertRefused("example.org", "IP address");
    }

    [Theory]
    [InlineData("--port", "65536")]
    [InlineData("--kv-memory", "4")]
    [InlineData("--max-sequences", "0")]
    [InlineData("--queue", "0")]
    [InlineData("--request-timeout", "0")]
    [InlineData("--stop-timeout", "-1")]
    [InlineData("--api-key-file", "no-such-file")]
    public void What_is_out_of_range_is_refused(string option, string value) => Invocation.Of("serve", option, value).AssertRefused(value);

    [Fact]
    public void A_key_is_given_once_and_not_empty()
    {
        using TemporaryFolder folder = new();
        string file = folder.Write("key.txt", "\n");
        Invocation.Of("serve", "--api-key-file", file).AssertRefused("key.txt", "empty");
        Invocation.Of("serve", "--api-key", "a", "--api-key-file", file).AssertRefused("twice");
    }

    [Fact]
    public void Nothing_of_servers_is_loaded_for_other_commands()
    {
        // The list of what a process has mapped names every assembly that it has loaded.
        if (!OperatingSystem.IsLinux())
            return;
        using ChildProcess chat = ChildProcess.Start("chat", "--json");
        chat.WaitUntilMapped("model.safetensors");
        Assert.DoesNotContain("MoA.Server.dll", chat.Maps(), StringComparison.Ordinal);
        Assert.DoesNotContain("Microsoft.AspNetCore", chat.Maps(), StringComparison.Ordinal);
    }
}
