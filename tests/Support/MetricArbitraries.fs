/// Generators of inputs on which the metrics are defined.
namespace Reproduction.Tests

open FsCheck
open FsCheck.FSharp
open Reproduction.Tests.LiteralMetrics

type MetricArbitraries =
    /// Few distinct scores, so that most samples tie, or any finite floats.
    static member Samples() : Arbitrary<Samples> =
        let tied = Gen.choose (-3, 3) |> Gen.map float32

        let anyFinite =
            ArbMap.defaults |> ArbMap.generate<NormalFloat> |> Gen.map (fun x -> float32 x.Get) |> Gen.where System.Single.IsFinite

        gen {
            let! count = Gen.choose (2, 40)
            let! score = Gen.elements [ tied; anyFinite ]
            let! scores = Gen.arrayOfLength count score
            let! labels = Gen.arrayOfLength count (Gen.elements [ 0uy; 1uy; 255uy ])
            labels[0] <- 0uy
            labels[count - 1] <- 1uy
            return { Scores = scores; Labels = labels }
        }
        |> Arb.fromGen

    static member Maps() : Arbitrary<Maps> =
        gen {
            let! count = Gen.choose (1, 3)
            let! height = Gen.choose (1, 6)
            let! width = Gen.choose (2, 6)
            let size = count * height * width
            let! levels = Gen.elements [ 3; 1000 ]
            let! values = Gen.arrayOfLength size (Gen.choose (-levels, levels) |> Gen.map (fun x -> float32 x / 8f))
            let! masks = Gen.arrayOfLength size (Gen.elements [ 0uy; 0uy; 1uy ])
            masks[0] <- 0uy
            masks[size - 1] <- 1uy

            return { Values = values; Masks = masks; Count = count; Height = height; Width = width }
        }
        |> Arb.fromGen
