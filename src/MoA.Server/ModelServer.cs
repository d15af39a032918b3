using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using MoA.Engine;
using MoA.Server.Http;
using MoA.Server.Operations;
using MoA.Server.Routing;
using MoA.Serving;

namespace MoA.Server;

/// <summary>Serves a model over HTTP: the routes of OpenAI and Anthropic, and a page to talk to it.</summary>
public sealed class ModelServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ServedModel _served;
    private Task? _stopped;

    private ModelServer(WebApplication app, ServedModel served)
    {
        _app = app;
        _served = served;
    }

    /// <summary>Where it listens, as in <c>http://127.0.0.1:8080</c>.</summary>
    public string Address => _app.Urls.First();

    /// <summary>Starts serving.</summary>
    /// <param name="service">What runs the model; stays the caller's, and is stopped by <see cref="StopAsync"/>.</param>
    /// <param name="options">How it is put behind HTTP.</param>
    /// <param name="cancellation">Ends the start.</param>
    /// <exception cref="InvalidInputException">The host is no address, or lies beyond loopback and there is no key.</exception>
    /// <exception cref="IOException">The port is taken, or may not be listened at.</exception>
    public static async Task<ModelServer> StartAsync(IModelService service, ServerOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(service);
        options ??= new ServerOptions();
        IPAddress address = ReadAddress(options);
        ServedModel served = new(service, options);
        WebApplication app = Build(address, options);
        new RequestPipeline(served, IPAddress.IsLoopback(address)).Use(app);
        new RouteTable(app, served).Map();
        ModelServer server = new(app, served);
        try
        {
            await app.StartAsync(cancellation);
            return server;
        }
        catch (Exception failure)
        {
            await app.DisposeAsync();
            if (failure is SocketException socket)
                throw new IOException($"cannot listen at {options.Host}:{options.Port}: {socket.Message}", socket);
            throw;
        }
    }

    /// <summary>
    /// Takes no more requests, lets those that are there end within <see cref="ServerOptions.LongestStop"/>, cancels the rest, and closes all
    /// connections. The service is stopped with it.
    /// </summary>
    public Task StopAsync() => _stopped ??= StopOnceAsync();

    /// <summary>Stops at once.</summary>
    public async ValueTask DisposeAsync()
    {
        _served.IsStopping = true;
        await _app.DisposeAsync();
    }

    // While texts are still being written the port stays open: /ready says no, and who asks for a text is told to come back.
    private async Task StopOnceAsync()
    {
        _served.IsStopping = true;
        using CancellationTokenSource end = new(_served.Options.LongestStop);
        await _served.Service.StopAsync(end.Token);
        await _app.StopAsync(CancellationToken.None);
    }

    private static WebApplication Build(IPAddress address, ServerOptions options)
    {
        // Empty: no file or variable beside the program changes what is served.
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            // JsonBody keeps to the limit. Kestrel would hang up on a client that is still sending and then never learns why; so it reads on for 5 s at most.
            kestrel.Limits.MaxRequestBodySize = null;
            kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(30);
            kestrel.Limits.MaxRequestHeadersTotalSize = 32 << 10;
            kestrel.Limits.MaxRequestHeaderCount = 100;
            kestrel.Limits.MaxConcurrentConnections = Math.Max(1024, 4L * options.MaxConcurrentRequests);
            // Tokens come slowly by nature; who does not read at all is cut off by EventStream.
            kestrel.Limits.MinResponseDataRate = null;
            kestrel.Listen(address, options.Port, listen => listen.Protocols = HttpProtocols.Http1);
        });
        builder.Services.AddRoutingCore();
        ServerMetrics.AddTo(builder.Services);
        builder.Services.AddCors(cors => cors.AddDefaultPolicy(policy => policy
            .WithOrigins([.. options.AllowedOrigins]).AllowAnyHeader().WithMethods("GET", "POST").WithExposedHeaders("X-Request-Id", "Request-Id", "Retry-After")));
        builder.Services.AddOpenApi(RouteDocument.Configure);
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(5));
        return builder.Build();
    }

    private static IPAddress ReadAddress(ServerOptions options)
    {
        options.Check();
        IPAddress? address = options.Host switch
        {
            "localhost" => IPAddress.Loopback,
            "*" or "+" => IPAddress.Any,
            _ => IPAddress.TryParse(options.Host.Trim('[', ']'), out IPAddress? parsed) ? parsed : null,
        };
        if (address is null)
            throw new InvalidInputException($"host {options.Host}: expected localhost, an IP address such as 192.168.1.10, or * for all");
        if (!IPAddress.IsLoopback(address) && options.ApiKey is null)
        {
            throw new InvalidInputException(
                $"host {options.Host}: others than this machine can reach it, so an API key is required; give one, or listen at 127.0.0.1");
        }

        return address;
    }

    /// <summary>Who started the server stops it; signals are theirs.</summary>
    private sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
