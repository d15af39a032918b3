using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace MoA.Engine.Numerics;

/// <summary>One float at a time: what every vector path must agree with.</summary>
internal readonly unsafe partial struct SimdScalar : ISimd<float>
{
    public static int Width
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 1;
    }

    public static float Zero
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 0;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Broadcast(float value) => value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float BroadcastPositiveF16(byte* source) => LoadF16((ushort*)source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Load(float* source) => *source;

    [DoesNotReturn]
    public static float LoadTwice(float* source) => throw new NotSupportedException();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float LoadBF16(ushort* source) => BitConverter.UInt32BitsToSingle((uint)*source << 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadBF16Pairs(ushort* source, out float even, out float odd)
    {
        even = LoadBF16(source);
        odd = LoadBF16(source + 1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float LoadF16(ushort* source) => (float)BitConverter.UInt16BitsToHalf(*source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float LoadInt8(sbyte* source) => *source;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(float* destination, float value) => *destination = value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreBF16(ushort* destination, float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        *destination = (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float RoundToBF16(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        return BitConverter.UInt32BitsToSingle((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Add(float a, float b) => a + b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Subtract(float a, float b) => a - b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Multiply(float a, float b) => a * b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Divide(float a, float b) => a / b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float MultiplyAdd(float a, float b, float c) => float.MultiplyAddEstimate(a, b, c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float AddPairProducts(float a, float b, float sum)
    {
        int x = BitConverter.SingleToInt32Bits(a), y = BitConverter.SingleToInt32Bits(b);
        int products = (short)x * (short)y + (x >> 16) * (y >> 16);
        return BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(sum) + products);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float SubtractShorts(float a, float b)
    {
        int x = BitConverter.SingleToInt32Bits(a), y = BitConverter.SingleToInt32Bits(b);
        return BitConverter.Int32BitsToSingle((((x >> 16) - (y >> 16)) << 16) | ((x - y) & 0xFFFF));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float IntegersToFloats(float integers) => BitConverter.SingleToInt32Bits(integers);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Max(float a, float b) => float.MaxNative(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Min(float a, float b) => float.MinNative(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Abs(float a) => MathF.Abs(a);

    [DoesNotReturn]
    public static float SwapPairs(float a) => throw new NotSupportedException();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float ShiftIntoExponent(float a) =>
        BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(a) << 23);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float SumLanes(float a) => a;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float MaxLane(float a) => a;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreSums(float* destination, float a, float b, float c, float d)
    {
        destination[0] = a;
        destination[1] = b;
        destination[2] = c;
        destination[3] = d;
    }

    [DoesNotReturn]
    public static void LoadInt8Pairs(sbyte* a, sbyte* b, out float first, out float second) => throw new NotSupportedException();

    [DoesNotReturn]
    public static float JoinLowerHalves(float a, float b) => throw new NotSupportedException();

    [DoesNotReturn]
    public static void SplitInt8(float bytes, out float even, out float odd) => throw new NotSupportedException();

    [DoesNotReturn]
    public static void StoreColumns(byte* rows, nint rowBytes, float* destination, nint columnStride) => throw new NotSupportedException();
}
