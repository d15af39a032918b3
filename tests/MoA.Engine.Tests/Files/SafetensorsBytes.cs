using System.Buffers.Binary;
using System.Text;

namespace MoA.Engine.Tests.Files;

/// <summary>Safetensors files put together by hand, well-formed or not.</summary>
internal static class SafetensorsBytes
{
    /// <summary>The length of the header, the header as given, the data as given.</summary>
    public static byte[] File(string header, params ReadOnlySpan<byte> data)
    {
        byte[] json = Encoding.UTF8.GetBytes(header);
        byte[] length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, json.Length);
        return [.. length, .. json, .. data];
    }

    /// <summary>One tensor named "x".</summary>
    public static byte[] OneTensor(string dType, string shape, params ReadOnlySpan<byte> data) =>
        File($"{{\"x\":{{\"dtype\":\"{dType}\",\"shape\":{shape},\"data_offsets\":[0,{data.Length}]}}}}", data);
}
