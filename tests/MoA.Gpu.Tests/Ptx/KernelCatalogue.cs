using MoA.Gpu.Kernels;

namespace MoA.Gpu.Tests.Ptx;

/// <summary>
/// Every kernel of the assembly with every type that its parameters may take, found by reflection: none can be forgotten.
/// </summary>
internal static class KernelCatalogue
{
    private static readonly Type[] Structs = [.. typeof(IDeviceKernel).Assembly.GetTypes().Where(type => type.IsValueType && !type.IsNested)];

    public static IEnumerable<Type> All => Structs.Where(typeof(IDeviceKernel).IsAssignableFrom).SelectMany(Closed);

    /// <summary>How the type is written in C#.</summary>
    public static string Name(Type type) => type.IsGenericType
        ? $"{type.Name[..type.Name.IndexOf('`', StringComparison.Ordinal)]}<{string.Join(", ", type.GetGenericArguments().Select(Name))}>"
        : type.Name;

    private static IEnumerable<Type> Closed(Type kernel) => kernel.IsGenericTypeDefinition
        ? Combinations(kernel.GetGenericArguments()).Select(arguments => kernel.MakeGenericType(arguments))
        : [kernel];

    private static IEnumerable<Type[]> Combinations(ReadOnlyMemory<Type> parameters)
    {
        if (parameters.Length == 0)
            return [[]];
        Type constraint = parameters.Span[0].GetGenericParameterConstraints().Single(type => type.IsInterface);
        return Arguments(constraint).SelectMany(first => Combinations(parameters[1..]).Select(rest => (Type[])[first, .. rest]));
    }

    private static IEnumerable<Type> Arguments(Type constraint)
    {
        Type[] plain = [.. Structs.Where(type => !type.IsGenericType && constraint.IsAssignableFrom(type))];
        Type[] doubling = [.. Structs.Where(type => type.IsGenericTypeDefinition && type.GetInterfaces().Contains(constraint))];
        // The most that the launchers choose: eight rows of inputs, four queries.
        int doublings = constraint == typeof(IQueryTile) ? 2 : 3;
        return plain.Concat(doubling.SelectMany(twice => plain.SelectMany(one => Doubled(twice, one, doublings))));
    }

    private static IEnumerable<Type> Doubled(Type twice, Type type, int doublings)
    {
        for (int i = 0; i < doublings; i++)
            yield return type = twice.MakeGenericType(type);
    }
}
