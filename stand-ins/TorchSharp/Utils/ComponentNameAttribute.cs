namespace TorchSharp.Utils;

/// <summary>The name that a module registers a field under, instead of the field's own.</summary>
public class ComponentNameAttribute : Attribute
{
    public string Name { get; set; } = "";
}
