using System.Net;
using System.Net.Sockets;

namespace MoA.Cluster.Hosting;

/// <summary>Ports of this machine that nobody listens at.</summary>
internal static class ClusterPorts
{
    /// <summary>A port for members and one for clients.</summary>
    public static (int Members, int Clients) Choose(IPAddress address, int port)
    {
        if (port == 0)
            port = Free(address);
        int next = port < IPEndPoint.MaxPort ? port + 1 : 0;
        return (port, next > 0 && IsFree(address, next) ? next : Free(address));
    }

    /// <summary>Whether a port can be listened at now.</summary>
    public static bool IsFree(IPAddress address, int port)
    {
        using Socket socket = new(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(address, port));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static int Free(IPAddress address)
    {
        using Socket socket = new(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(address, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }
}
