using System.Runtime.Intrinsics;
using MoA.Engine.Numerics;

namespace MoA.Engine.Tests.Numerics;

/// <summary>Code that is generic over the vector width.</summary>
internal interface ISimdAction
{
    void Run<TSimd, TVector>()
        where TSimd : ISimd<TVector>
        where TVector : struct;
}

/// <summary>Runs generic code at a width that is chosen at run time.</summary>
internal static class SimdDispatch
{
    public static void Run(InstructionSet set, ISimdAction action)
    {
        switch (set)
        {
            case InstructionSet.Scalar:
                action.Run<SimdScalar, float>();
                break;
            case InstructionSet.Vector128:
                action.Run<Simd128, Vector128<float>>();
                break;
            case InstructionSet.Vector256:
                action.Run<Simd256, Vector256<float>>();
                break;
            default:
                action.Run<Simd512, Vector512<float>>();
                break;
        }
    }
}
