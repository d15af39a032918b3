using Microsoft.Extensions.Logging;

namespace MoA.Cluster.Hosting;

/// <summary>What Orleans logs: only what is wrong, unless MOA_DEBUG is set. Members that come and go are no news to it either.</summary>
internal static class QuietLogging
{
    /// <summary>Sends messages to the program's.</summary>
    public static void Add(ILoggingBuilder logging, Action<string> note)
    {
        bool all = Environment.GetEnvironmentVariable("MOA_DEBUG") == "1";
        _ = logging.SetMinimumLevel(all ? LogLevel.Information : LogLevel.Critical);
#pragma warning disable CA2000 // the logging factory disposes its providers
        _ = logging.AddProvider(new LineLogger(note));
#pragma warning restore CA2000
    }
}
