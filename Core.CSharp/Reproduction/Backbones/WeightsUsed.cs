namespace Reproduction.Backbones;

/// <summary>A network that a run used.</summary>
public sealed record WeightsUsed(string Name, string Sha256, string Architecture);
