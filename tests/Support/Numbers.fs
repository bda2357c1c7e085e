/// Tensors and arrays for tests that compute the same by loops.
module Reproduction.Tests.Numbers

open Expecto
open TorchSharp

/// Numbers between -1 and 1, the same for the same seed.
let random (seed: int) (shape: int list) =
    use generator = new torch.Generator(uint64 seed, torch.CPU)
    let values = torch.rand ([| for side in shape -> int64 side |], generator = generator)
    values.mul_(torch.tensor 2f).sub_(torch.tensor 1f)

/// A tensor's values in order, as doubles.
let numbers (tensor: torch.Tensor) =
    use _scope = torch.NewDisposeScope()
    tensor.detach().``to``(torch.ScalarType.Float64).contiguous().data<float>().ToArray()

/// Rows of a matrix.
let rows (matrix: torch.Tensor) = numbers matrix |> Array.chunkBySize (int matrix.shape[1])

/// Equal within an absolute and a relative tolerance.
let close tolerance (actual: float[]) (expected: float[]) message =
    Expect.equal actual.Length expected.Length $"{message}: how many"

    for i in 0 .. actual.Length - 1 do
        Expect.floatClose { absolute = tolerance; relative = tolerance } actual[i] expected[i] $"{message}, value {i}"

let squaredDistance (a: float[]) (b: float[]) = Array.fold2 (fun sum x y -> sum + (x - y) * (x - y)) 0.0 a b

let dot (a: float[]) (b: float[]) = Array.fold2 (fun sum x y -> sum + x * y) 0.0 a b

/// The largest difference of two tensors.
let largest (a: torch.Tensor) (b: torch.Tensor) = ((a - b).abs().max()).ToSingle()
