using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using MoA.Extensions.AI.Hosting;
using MoA.Serving;

namespace MoA.Extensions.AI;

/// <summary>Adds models to services.</summary>
public static class MoAServiceCollectionExtensions
{
    /// <summary>
    /// Adds a model: a <see cref="ModelService"/>, and an <see cref="IChatClient"/> over it. It is loaded once, when the host starts, and lets its answers
    /// end when the host stops. Options that are wrong stop the host from starting, with every reason.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="configure">Sets the options; they may also be configured as <see cref="MoAOptions"/> anywhere else.</param>
    /// <returns>What wraps the client further: <c>.UseFunctionInvocation().UseOpenTelemetry()</c>.</returns>
    /// <exception cref="InvalidOperationException">A model was added before.</exception>
    public static ChatClientBuilder AddMoA(this IServiceCollection services, Action<MoAOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        Add(services, null, configure);
        return services.AddChatClient(Client(null));
    }

    /// <summary>Adds one of several models, as <see cref="AddMoA"/> adds the only one: service, client and options have the key's name.</summary>
    /// <param name="services">The services.</param>
    /// <param name="key">The key of <see cref="ModelService"/> and <see cref="IChatClient"/>, and the name of the <see cref="MoAOptions"/>.</param>
    /// <param name="configure">Sets the options.</param>
    /// <returns>What wraps the client further.</returns>
    /// <exception cref="InvalidOperationException">A model with this key was added before.</exception>
    public static ChatClientBuilder AddKeyedMoA(this IServiceCollection services, string key, Action<MoAOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentException.ThrowIfNullOrEmpty(key);
        Add(services, key, configure);
        return services.AddKeyedChatClient(key, Client(key));
    }

    private static Func<IServiceProvider, IChatClient> Client(string? key) =>
        provider => new MoAChatClient(provider.GetRequiredKeyedService<ModelService>(key));

    private static void Add(IServiceCollection services, string? key, Action<MoAOptions>? configure)
    {
        if (services.Any(service => service.ServiceType == typeof(ModelHost) && Equals(service.ServiceKey, key)))
        {
            throw new InvalidOperationException(key is null
                ? $"a model was added already; further ones need keys: {nameof(AddKeyedMoA)}" : $"a model with the key '{key}' was added already");
        }

        OptionsBuilder<MoAOptions> options = services.AddOptions<MoAOptions>(ModelHost.NameOf(key)).ValidateOnStart();
        if (configure is not null)
            _ = options.Configure(configure);
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<MoAOptions>, MoAOptionsValidator>());
        _ = services.AddKeyedSingleton(key, (provider, _) => new ModelHost(provider, key));
        _ = services.AddSingleton<IHostedService>(provider => provider.GetRequiredKeyedService<ModelHost>(key));
        _ = services.AddKeyedSingleton(key, (provider, _) => provider.GetRequiredKeyedService<ModelHost>(key).Open());
    }
}
