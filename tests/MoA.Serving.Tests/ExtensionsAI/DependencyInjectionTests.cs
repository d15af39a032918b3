using System.Collections.Concurrent;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using MoA.Engine.Numerics;
using MoA.Engine.Tests.Generation;
using MoA.Extensions.AI;
using MoA.Tests;

namespace MoA.Serving.Tests.ExtensionsAI;

/// <summary>Models among the services of a program.</summary>
public sealed class DependencyInjectionTests
{
    private const string Answer = "The <REGISTER_CONTENT> in line calm-river is <17265>.";

    [Fact]
    public async Task A_host_loads_a_model_once_and_stops_it()
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
        _ = builder.Services.AddMoA(options => (options.Model, options.CacheBytes, options.CacheType) = (RepositoryFiles.DemoModel, 32 << 20, ElementType.F32))
            .UseFunctionInvocation().UseOpenTelemetry();
        ModelService service;
        using (IHost host = builder.Build())
        {
            await host.StartAsync();
            IChatClient client = host.Services.GetRequiredService<IChatClient>();
            service = host.Services.GetRequiredService<ModelService>();
            Assert.Same(service, client.GetService<ModelService>());
            Assert.NotNull(client.GetService<FunctionInvokingChatClient>());
            Assert.Equal((32 << 20, ElementType.F32), (service.State.CacheLimit, service.Options.CacheType));
            Task<ChatResponse> running = client.GetResponseAsync(DemoModel.Question, new ChatOptions { Temperature = 0 });
            while (service.State is { Running: 0, Ended: 0 })
                await Task.Delay(1);
            await host.StopAsync();
            Assert.Equal(Answer, (await running).Text); // what was being written has ended first
            Assert.True(service.State.IsStopping);
            RequestRefusedException refusal = await Assert.ThrowsAsync<RequestRefusedException>(() => client.GetResponseAsync("Hello"));
            Assert.Equal(RefusalReason.Stopping, refusal.Reason);
        }

        _ = Assert.Throws<ObjectDisposedException>(() => service.Generate(new GenerationRequest { Prompt = [1] }));
    }

    [Fact]
    public async Task Without_a_host_a_model_is_loaded_at_its_first_use_and_disposed_with_the_container()
    {
        ServiceCollection services = [];
        _ = services.AddMoA(options => options.Model = RepositoryFiles.DemoModel);
        ServiceProvider provider = services.BuildServiceProvider();
        IChatClient client = provider.GetRequiredService<IChatClient>();
        Assert.Equal(Answer, (await client.GetResponseAsync(DemoModel.Question, new ChatOptions { Temperature = 0 })).Text);
        ModelService service = provider.GetRequiredService<ModelService>();
        provider.Dispose();
        _ = Assert.Throws<ObjectDisposedException>(() => service.Generate(new GenerationRequest { Prompt = [1] }));
    }

    /// <summary>What a service has to say goes to the host's log: here that a file of the folder cannot be used.</summary>
    [Fact]
    public async Task Notes_go_to_the_log()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("moa-notes");
        await File.WriteAllTextAsync(Path.Combine(folder.FullName, "other.moa-session"), "nothing");
        Lines lines = new();
        ServiceCollection services = [];
        _ = services.AddLogging(logging => logging.AddProvider(lines));
        _ = services.AddMoA(options => (options.Model, options.SessionFolder) = (RepositoryFiles.DemoModel, folder.FullName));
        await using (ServiceProvider provider = services.BuildServiceProvider())
            _ = provider.GetRequiredService<ModelService>();
        Assert.Contains(lines.Written, line => line.Contains("other.moa-session", StringComparison.Ordinal));
        folder.Delete(recursive: true);
    }

    [Fact]
    public async Task Several_models_stand_side_by_side_under_keys()
    {
        ServiceCollection services = [];
        _ = services.AddKeyedMoA("dense", options => options.Model = RepositoryFiles.DemoModel);
        _ = services.AddKeyedMoA("short", options => (options.Model, options.Policy, options.Name) = (RepositoryFiles.DemoModel, "streaming-llm:span=128", "small"));
        await using ServiceProvider provider = services.BuildServiceProvider();
        ChatResponse[] answers = await Task.WhenAll(new[] { "dense", "short" }.Select(key =>
            provider.GetRequiredKeyedService<IChatClient>(key).GetResponseAsync(DemoModel.Question, new ChatOptions { Temperature = 0, MaxOutputTokens = 1500 })));
        Assert.Equal(Answer, answers[0].Text);
        Assert.Equal("small", answers[1].ModelId);
        Assert.Equal("streaming-llm", provider.GetRequiredKeyedService<ModelService>("short").Options.Policy.Name);
        Assert.Equal(1.0, answers[0].Messages[0].AdditionalProperties![MoAChatClient.DensityKey]);
        Assert.InRange((double)answers[1].Messages[0].AdditionalProperties![MoAChatClient.DensityKey]!, 0.01, 0.5);
        Assert.Null(provider.GetService<IChatClient>());
    }

    [Fact]
    public void A_configuration_s_section_says_all_of_it()
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
        _ = builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["MoA:Model"] = RepositoryFiles.DemoModel,
            ["MoA:Policy"] = "streaming-llm:density=0.5",
            ["MoA:Threads"] = "1",
            ["MoA:Weights"] = "q8_0",
            ["MoA:CacheType"] = "F32",
            ["MoA:CacheBytes"] = "5000000000",
            ["MoA:LongestWait"] = "00:00:30",
            ["MoA:KeepPrefixes"] = "false",
        });
        _ = builder.Services.AddMoA(builder.Configuration.GetSection("MoA").Bind);
        using IHost host = builder.Build();
        MoAOptions options = host.Services.GetRequiredService<IOptions<MoAOptions>>().Value;
        Assert.Equal((ElementType.Q8_0, 1), (options.Load.Weights, options.Load.Threads));
        Assert.Equal(("streaming-llm:density=0.5", ElementType.F32, 5_000_000_000L, TimeSpan.FromSeconds(30), false, new ServiceOptions().QueueLength),
            (options.Service.PolicyText, options.Service.CacheType, options.Service.CacheBytes, options.Service.LongestWait, options.Service.KeepPrefixes, options.Service.QueueLength));
    }

    public static TheoryData<string, Action<MoAOptions>> Wrong => new()
    {
        { "Model is not set", _ => { } },
        { "no-such-folder", options => options.Model = "/no-such-folder" },
        { "Threads -1", options => options.Threads = -1 },
        { "MaxSequences 0", options => options.MaxSequences = 0 },
        { "CacheBytes -5", options => options.CacheBytes = -5 },
        { "CacheType Q4_K", options => options.CacheType = ElementType.Q4_K },
        { "Residency 9", options => options.Residency = (Engine.Models.WeightResidency)9 },
        { "nowhere.json", options => options.Plan = "nowhere.json" },
        { "there is no policy 'magic'", options => options.Policy = "magic" },
        { "policy h2o has no size", options => options.Policy = "h2o" },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public async Task Wrong_options_stop_a_host_from_starting(string words, Action<MoAOptions> configure)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
        _ = builder.Services.AddMoA(options =>
        {
            options.Model = words.StartsWith("Model", StringComparison.Ordinal) ? "" : RepositoryFiles.DemoModel;
            configure(options);
        });
        using IHost host = builder.Build();
        OptionsValidationException failure = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync());
        string reason = Assert.Single(failure.Failures);
        Assert.StartsWith("MoA: ", reason, StringComparison.Ordinal);
        Assert.Contains(words, reason, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', reason);
    }

    [Fact]
    public void A_second_model_needs_a_key()
    {
        ServiceCollection services = [];
        _ = services.AddMoA();
        Assert.Contains("AddKeyedMoA", Assert.Throws<InvalidOperationException>(() => services.AddMoA()).Message, StringComparison.Ordinal);
        _ = services.AddKeyedMoA("a");
        _ = Assert.Throws<InvalidOperationException>(() => services.AddKeyedMoA("a"));
    }

    private sealed class Lines : ILoggerProvider, ILogger
    {
        public ConcurrentQueue<string> Written { get; } = [];

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Written.Enqueue(formatter(state, exception));

        public void Dispose()
        {
        }
    }
}
