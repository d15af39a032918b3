using System.Reflection.Emit;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;

namespace MoA.Engine.Tests;

/// <summary>
/// The folders of the Engine refer downwards only, as docs/architecture.md draws them: read from the compiled assembly, where
/// signatures, bases and the bodies of methods name what they use.
/// </summary>
public sealed class LayersTests
{
    // Each layer may refer to those after it.
    private static readonly string[][] Layers =
    [
        ["Generation"],
        ["Models"],
        ["Kernels"],
        ["KvCache", "Tokenization"],
        ["Attention"],
        ["Configuration", "Hub"],
        ["Files"],
        ["Energy", "Numerics", "Parallelism"],
    ];

    private static readonly OpCode[] OpCodesByValue = [.. typeof(OpCodes).GetFields()
        .Select(field => field.GetValue(null)).OfType<OpCode>()];

    [Fact]
    public void Every_folder_refers_downwards_only()
    {
        string[] upwards = [.. References()
            .Where(reference => LayerOf(reference.To) is int to && LayerOf(reference.From) is int from &&
                (to < from || to == from && Folder(reference.To) != Folder(reference.From)))
            .Select(reference => $"{reference.From} → {reference.To}").Distinct().Order(StringComparer.Ordinal)];
        Assert.Empty(upwards);
    }

    /// <summary>The reader sees what it should: bases, signatures, locals and bodies.</summary>
    [Theory]
    [InlineData("MoA.Engine.Kernels.CpuBackend`2", "MoA.Engine.Kernels.ComputeBackend")]
    [InlineData("MoA.Engine.Generation.LanguageModel", "MoA.Engine.Tokenization.ChatTemplate")]
    [InlineData("MoA.Engine.Models.Loading.ModelFile", "MoA.Engine.Models.Loading.GgufModel")]
    [InlineData("MoA.Engine.KvCache.SequenceCache", "MoA.Engine.Attention.AttentionPolicy")]
    public void Known_references_are_found(string from, string to) => Assert.Contains((from, to), References());

    [Fact]
    public void Every_folder_is_in_a_layer()
    {
        string[] unknown = [.. References().Select(reference => Folder(reference.From))
            .Where(folder => folder.Length > 0 && !Layers.Any(layer => layer.Contains(folder))).Distinct()];
        Assert.Empty(unknown);
    }

    private static string Folder(string type)
    {
        string[] parts = type.Split('.');
        return parts is ["MoA", "Engine", string folder, _, ..] ? folder : "";
    }

    private static int? LayerOf(string type) =>
        Array.FindIndex(Layers, layer => layer.Contains(Folder(type))) is >= 0 and int index ? index : null;

    private static HashSet<(string From, string To)> References()
    {
        using PEReader file = new(File.OpenRead(typeof(InvalidInputException).Assembly.Location));
        MetadataReader metadata = file.GetMetadataReader();
        TypeNames names = new();
        HashSet<(string, string)> references = [];
        foreach (TypeDefinitionHandle handle in metadata.TypeDefinitions)
        {
            TypeDefinition type = metadata.GetTypeDefinition(handle);
            string from = TypeNames.Outermost(metadata, handle);
            HashSet<string> used = names.Used;
            used.Clear();
            if (!type.BaseType.IsNil)
                names.Visit(metadata, type.BaseType);
            foreach (InterfaceImplementationHandle implemented in type.GetInterfaceImplementations())
                names.Visit(metadata, metadata.GetInterfaceImplementation(implemented).Interface);
            foreach (FieldDefinitionHandle field in type.GetFields())
                _ = metadata.GetFieldDefinition(field).DecodeSignature(names, null);
            foreach (MethodDefinitionHandle methodHandle in type.GetMethods())
            {
                MethodDefinition method = metadata.GetMethodDefinition(methodHandle);
                _ = method.DecodeSignature(names, null);
                if (method.RelativeVirtualAddress != 0)
                    VisitBody(file.GetMethodBody(method.RelativeVirtualAddress), metadata, names);
            }

            references.UnionWith(used.Where(to => to != from).Select(to => (from, to)));
        }

        return references;
    }

    private static void VisitBody(MethodBodyBlock body, MetadataReader metadata, TypeNames names)
    {
        if (!body.LocalSignature.IsNil)
            _ = metadata.GetStandaloneSignature(body.LocalSignature).DecodeLocalSignature(names, null);
        foreach (ExceptionRegion region in body.ExceptionRegions)
        {
            if (!region.CatchType.IsNil)
                names.Visit(metadata, region.CatchType);
        }

        BlobReader code = body.GetILReader();
        while (code.RemainingBytes > 0)
        {
            short value = code.ReadByte();
            if (value == 0xFE)
                value = unchecked((short)(0xFE00 | code.ReadByte()));
            switch (OpCodesByValue.First(opCode => opCode.Value == value).OperandType)
            {
                case OperandType.InlineNone:
                    break;
                case OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar:
                    code.Offset += 1;
                    break;
                case OperandType.InlineVar:
                    code.Offset += 2;
                    break;
                case OperandType.InlineI8 or OperandType.InlineR:
                    code.Offset += 8;
                    break;
                case OperandType.InlineSwitch:
                    int targets = code.ReadInt32();
                    code.Offset += 4 * targets;
                    break;
                case OperandType.InlineField or OperandType.InlineMethod or OperandType.InlineTok or OperandType.InlineType:
                    names.Visit(metadata, MetadataTokens.EntityHandle(code.ReadInt32()));
                    break;
                default:
                    code.Offset += 4;
                    break;
            }
        }
    }

    /// <summary>Collects the outermost types that handles and signatures name.</summary>
    private sealed class TypeNames : ISignatureTypeProvider<string, object?>
    {
        public HashSet<string> Used { get; } = [];

        public void Visit(MetadataReader metadata, EntityHandle handle)
        {
            switch (handle.Kind)
            {
                case HandleKind.TypeDefinition:
                    _ = Used.Add(Outermost(metadata, (TypeDefinitionHandle)handle));
                    break;
                case HandleKind.TypeSpecification:
                    _ = metadata.GetTypeSpecification((TypeSpecificationHandle)handle).DecodeSignature(this, null);
                    break;
                case HandleKind.MethodDefinition:
                    MethodDefinition method = metadata.GetMethodDefinition((MethodDefinitionHandle)handle);
                    _ = Used.Add(Outermost(metadata, method.GetDeclaringType()));
                    break;
                case HandleKind.FieldDefinition:
                    FieldDefinition field = metadata.GetFieldDefinition((FieldDefinitionHandle)handle);
                    _ = Used.Add(Outermost(metadata, field.GetDeclaringType()));
                    break;
                case HandleKind.MemberReference:
                    Visit(metadata, metadata.GetMemberReference((MemberReferenceHandle)handle).Parent);
                    break;
                case HandleKind.MethodSpecification:
                    MethodSpecification generic = metadata.GetMethodSpecification((MethodSpecificationHandle)handle);
                    Visit(metadata, generic.Method);
                    _ = generic.DecodeSignature(this, null);
                    break;
                default:
                    break;
            }
        }

        public static string Outermost(MetadataReader metadata, TypeDefinitionHandle handle)
        {
            TypeDefinition type = metadata.GetTypeDefinition(handle);
            while (!type.GetDeclaringType().IsNil)
                type = metadata.GetTypeDefinition(type.GetDeclaringType());
            return $"{metadata.GetString(type.Namespace)}.{metadata.GetString(type.Name)}";
        }

        public string GetTypeFromDefinition(MetadataReader reader, TypeDefinitionHandle handle, byte rawTypeKind)
        {
            Visit(reader, handle);
            return "";
        }

        public string GetTypeFromSpecification(MetadataReader reader, object? genericContext, TypeSpecificationHandle handle, byte rawTypeKind)
        {
            Visit(reader, handle);
            return "";
        }

        public string GetTypeFromReference(MetadataReader reader, TypeReferenceHandle handle, byte rawTypeKind) => "";

        public string GetPrimitiveType(PrimitiveTypeCode typeCode) => "";

        public string GetSZArrayType(string elementType) => "";

        public string GetArrayType(string elementType, ArrayShape shape) => "";

        public string GetByReferenceType(string elementType) => "";

        public string GetPointerType(string elementType) => "";

        public string GetPinnedType(string elementType) => "";

        public string GetModifiedType(string modifier, string unmodifiedType, bool isRequired) => "";

        public string GetFunctionPointerType(MethodSignature<string> signature) => "";

        public string GetGenericInstantiation(string genericType, System.Collections.Immutable.ImmutableArray<string> typeArguments) => "";

        public string GetGenericTypeParameter(object? genericContext, int index) => "";

        public string GetGenericMethodParameter(object? genericContext, int index) => "";
    }
}
