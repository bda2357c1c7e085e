/// What every method, paper or baseline, answers to a name that it does not have.
module Reproduction.Tests.UnknownNames

open Expecto
open Reproduction.Methods
open Reproduction.Papers
open Reproduction.Tests.Bench

[<Tests>]
let tests =
    testList "unknown names" [
        for method in Registry.Methods do
            testCase $"{method.Id}: an unknown variant and an unknown setting are answered with known ones"
            <| fun () ->
                let first = method.Variants[0].Name
                let configure variant () = method.Configure(variant, Profile.Quick, "bottle", "mvtec") |> ignore
                // The nearest by spelling stand there where there are many.
                let mistyped = first.Remove(first.Length / 2, 1) + "%"
                fails [ $"{method.Id} has no variant '{mistyped}'"; first ] (configure mistyped)
                fails [ $"{method.Id} has no setting 'nothing'"; "image_size" ] (configure $"{first}+nothing=1")
                fails [ "does not fit" ] (configure $"{first}+image_size=wide")
    ]
