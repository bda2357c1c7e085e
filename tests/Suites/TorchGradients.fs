/// Gradients of every differentiable operation of the binding against finite differences.
module Reproduction.Tests.TorchGradients

open System
open System.Reflection
open Expecto
open FsCheck
open TorchSharp
open Reproduction.Tests.GradientCheck

let private operations = TorchOperations.operations @ TorchLayers.operations

/// Members that return tensors and have no gradient: comparisons, positions, counts, new tensors, bookkeeping; and aminmax,
/// for which libtorch 1.13 implements none.
let private withoutGradient =
    "logical_not logical_not_ logical_and logical_and_ logical_or logical_or_ logical_xor logical_xor_ bitwise_not bitwise_not_ bitwise_and \
     bitwise_and_ bitwise_or bitwise_or_ bitwise_xor bitwise_xor_ bitwise_left_shift bitwise_right_shift eq eq_ ne ne_ ge ge_ gt gt_ le le_ lt lt_ \
     op_Equality op_Inequality op_LessThan op_LessThanOrEqual op_GreaterThan op_GreaterThanOrEqual op_BitwiseAnd op_BitwiseOr op_ExclusiveOr \
     op_OnesComplement op_Implicit isnan isinf isfinite isposinf isneginf signbit isclose isin heaviside floor_divide floor_divide_ \
     aminmax argmax argmin argsort argwhere all any count_nonzero unique unique_consecutive nonzero nonzero_as_list histc bincount bucketize searchsorted \
     matrix_rank one_hot \
     zeros ones empty full rand randn randint randperm normal arange linspace logspace eye tensor from_array frombuffer as_tensor complex \
     zeros_like ones_like empty_like full_like rand_like randn_like randint_like new_zeros new_empty new_full \
     bernoulli bernoulli_ multinomial poisson normal_ uniform_ exponential_ random_ get_rng_state \
     cuda half bool byte char short int long float \
     detach detach_ set_ requires_grad_ with_requires_grad MoveToOuterDisposeScope MoveToOtherDisposeScope DetachFromDisposeScope"
        .Split(' ', StringSplitOptions.RemoveEmptyEntries)
    |> Set.ofArray

let private returnsTensors (result: Type) =
    result = typeof<Tensor>
    || result = typeof<Tensor[]>
    || result = typeof<Collections.Generic.IList<Tensor>>
    || (result.IsGenericType
        && typeof<Runtime.CompilerServices.ITuple>.IsAssignableFrom result
        && result.GetGenericArguments()[0] = typeof<Tensor>)

let private members =
    [ for container in [ typeof<Tensor>; typeof<torch>; typeof<torch.linalg>; typeof<torch.nn.functional> ] do
          let own = BindingFlags.Public ||| BindingFlags.Instance ||| BindingFlags.Static ||| BindingFlags.DeclaredOnly

          for m in container.GetMethods own do
              if returnsTensors m.ReturnType && not (m.IsSpecialName && m.Name.StartsWith "get_" && m.GetParameters().Length = 0) then
                  m.Name ]
    |> Set.ofList

let private few = { FsCheckConfig.defaultConfig with maxTest = 6 }

let private complete =
    testCase "every member is either checked or known to have no gradient"
    <| fun () ->
        let checkedNames = operations |> List.map (fun operation -> operation.Name.Split(' ')[0]) |> Set.ofList
        Expect.isEmpty (members - checkedNames - withoutGradient) "members that nobody checks"
        Expect.isEmpty (Set.intersect checkedNames withoutGradient) "members that are on both lists"
        Expect.isEmpty ((checkedNames + withoutGradient) - members) "names that the binding does not have"

let private agrees operation =
    testPropertyWithConfig few operation.Name (fun (PositiveInt a) (PositiveInt b) ->
        match disagreement operation (int64 (1 + a % 4)) (int64 (1 + b % 4)) with
        | Some difference -> failtestNoStack $"{operation.Name}: {difference}"
        | None -> ())

[<Tests>]
let tests = testSequenced <| testList "torch gradients" (complete :: List.map agrees operations)
