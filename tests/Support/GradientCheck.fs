/// Gradients of autograd against finite differences, in double precision.
module Reproduction.Tests.GradientCheck

open System
open TorchSharp

type Tensor = torch.Tensor

/// An operation with inputs for given sizes n and m. The name starts with that of the member that it exercises.
type Operation =
    { Name: string
      Inputs: int64 -> int64 -> Tensor list
      Run: Tensor list -> Tensor }

let private order (seed: int) (count: int) =
    let random = Random seed
    let values = Array.init count id
    random.Shuffle values
    values

/// Distinct numbers (k + phase) / 8 around 0 in random order. With a phase that is no simple fraction none of them, and no
/// difference of two with different phases, lies within 1e-3 of a kink or a tie, where a difference quotient means nothing.
let spread (phase: float) (shape: int64 list) : Tensor =
    let count = int (List.fold (*) 1L shape)
    let values = order (count + int (phase * 100.0)) count |> Array.map (fun k -> (float (k - count / 2) + phase) / 8.0)
    torch.tensor(values).reshape(Array.ofList shape)

/// Any numbers.
let real shape = spread 0.37 shape

/// Numbers that tie with none of `real`.
let other shape = spread 0.71 shape

/// Numbers in (0.1, 0.9).
let unitInterval shape =
    let values: Tensor = real shape
    values.sigmoid().mul(Scalar.op_Implicit 0.8).add (Scalar.op_Implicit 0.1: Scalar)

/// Numbers from 0.5 to 2.5.
let positive shape =
    let values: Tensor = other shape
    values.sigmoid().mul(Scalar.op_Implicit 2.0).add (Scalar.op_Implicit 0.5: Scalar)

/// A symmetric positive definite matrix [n, n] as a function of any matrix, with well separated eigenvalues.
let positiveDefinite (x: Tensor) =
    let n = x.shape[0]
    let scale = torch.arange(Scalar.op_Implicit 1L, Scalar.op_Implicit (n + 1L)).``to``(torch.float64).mul(Scalar.op_Implicit 2.0)
    x.matmul(x.t()).mul(Scalar.op_Implicit 0.1).add (scale.diag ())

/// The first element where autograd and the central difference quotient of sum(weights * output) disagree.
let disagreement (operation: Operation) (n: int64) (m: int64) : string option =
    use _scope = torch.NewDisposeScope()
    let inputs = operation.Inputs n m |> List.map (fun input -> input.detach().clone().requires_grad_ true)
    let output = operation.Run inputs
    let weights: Tensor = unitInterval [ output.numel() ]
    let weights = weights.reshape(output.shape)
    let loss (output: Tensor) = output.mul(weights).sum()
    let value () =
        use _scope = torch.NewDisposeScope()
        use _unrecorded = torch.no_grad()
        (operation.Run inputs |> loss).ToDouble()

    let gradients =
        torch.autograd.grad(ResizeArray [ loss output ], ResizeArray inputs, allow_unused = true) |> List.ofSeq

    let step = 1e-6

    let elements =
        seq {
            for index, (input, gradient) in List.indexed (List.zip inputs gradients) do
                // The sum: a gradient that is 0 everywhere may be a symbolic tensor without memory.
                let analytic =
                    if isNull (box gradient) then Array.zeroCreate (int (input.numel()))
                    else gradient.add(torch.zeros_like gradient).data<float>().ToArray()

                let values = input.detach().data<float>()

                for k in 0L .. input.numel() - 1L do
                    let original = values[k]
                    values[k] <- original + step
                    let above = value ()
                    values[k] <- original - step
                    let below = value ()
                    values[k] <- original
                    let numeric = (above - below) / (2.0 * step)
                    let expected = analytic[int k]

                    if not (abs (numeric - expected) <= 1e-6 + 1e-5 * max (abs numeric) (abs expected)) then
                        $"input {index}, element {k} of [{n}, {m}]: autograd has {expected}, the difference quotient {numeric}"
        }

    Seq.tryHead elements
