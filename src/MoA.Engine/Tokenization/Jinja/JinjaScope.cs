using System.Diagnostics.CodeAnalysis;

namespace MoA.Engine.Tokenization.Jinja;

/// <summary>The variables of a template, a loop's turn or a macro; what is not found there is looked for outside.</summary>
internal sealed class JinjaScope(JinjaScope? outer)
{
    private readonly Dictionary<string, object?> _variables = [];

    public object? this[string name]
    {
        set => _variables[name] = value;
    }

    public bool TryGet(string name, [MaybeNull] out object? value)
    {
        for (JinjaScope? scope = this; scope is not null; scope = scope.Outer)
        {
            if (scope._variables.TryGetValue(name, out value))
                return true;
        }

        value = null;
        return false;
    }

    private JinjaScope? Outer => outer;
}
