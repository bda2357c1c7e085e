/// The initialisers of ONNX models: every way to store them, and what is refused.
module Reproduction.Tests.CheckpointsOnnx

open System
open System.IO
open Expecto
open Reproduction
open Reproduction.Backbones
open Reproduction.Formats
open Reproduction.Tests.OnnxBytes

let private opened (content: byte[]) test =
    let path = Path.GetTempFileName()

    try
        File.WriteAllBytes(path, content)
        use checkpoint = Checkpoint.Open path
        test checkpoint
    finally
        File.Delete path

/// The error that a model with the one tensor ends in.
let private refused name (content: byte[]) (words: string list) =
    testCase name (fun () ->
        let error =
            Expect.throwsC
                (fun () ->
                    opened content (fun checkpoint ->
                        for entry in checkpoint.Entries do
                            entry.CheckFinite()))
                id

        Expect.isTrue (error :? UserError) $"an error for the user, not {error}"

        for part in words do
            Expect.stringContains error.Message part "what is wrong")

let private withTensor tensor = model [] [ tensor ] [] []

[<Tests>]
let tests =
    testList "checkpoints onnx" [
        testCase "every way to store a tensor, in the file's order"
        <| fun () ->
            opened small (fun checkpoint ->
                Expect.equal checkpoint.Format CheckpointFormat.Onnx "the format"
                Expect.equal checkpoint.Metadata["producer"] "test" "the producer"

                Expect.equal
                    [
                        for entry in checkpoint.Entries ->
                            entry.Name, entry.Type, List.ofSeq entry.Shape, List.ofArray (entry.ReadSingles())
                    ]
                    [
                        "w", ElementType.Float32, [ 2L; 1L; 1L; 1L ], [ 1.5f; -2f ]
                        "scale", ElementType.Float32, [ 2L ], [ 0.5f; 4f ]
                        "shift", ElementType.Float16, [ 2L ], [ 0.25f; -3f ]
                        "mean", ElementType.Float64, [ 2L ], [ 7f; -0.125f ]
                        "variance", ElementType.Float16, [ 2L ], [ 1f; -2f ]
                        "shape", ElementType.Int64, [ 3L ], [ 1f; -1f; 300f ]
                        "empty", ElementType.Float32, [ 0L; 4L ], []
                    ]
                    "the tensors")

        testCase "the graph, in its order"
        <| fun () ->
            opened small (fun checkpoint ->
                let graph = nonNull checkpoint.Graph

                Expect.equal
                    [ for node in graph.Nodes -> node.Operation, List.ofSeq node.Inputs, List.ofSeq node.Outputs ]
                    [ "Conv", [ "x"; "w" ], [ "y" ]; "BatchNormalization", [ "y"; "scale"; "shift"; "mean"; "variance" ], [ "z" ] ]
                    "nodes"

                Expect.equal (List.ofSeq graph.Nodes[0].Attributes["kernel_shape"].Integers) [ 1L; 1L ] "a list"
                Expect.equal graph.Nodes[0].Attributes["auto_pad"].Text "NOTSET" "a text"
                Expect.equal graph.Nodes[1].Attributes["epsilon"].Single 1e-5f "a number"
                Expect.equal (List.ofSeq graph.Inputs, List.ofSeq graph.Outputs) ([ "x"; "w" ], [ "z" ]) "inputs and outputs")

        testCase "dimensions packed into one field, as newer writers put them"
        <| fun () ->
            let tensor = Array.concat [ packed 1 [ 2L; 3L ]; number 2 1L; text 8 "a"; bytes 9 (floats [ 1f .. 6f ]) ]
            opened (withTensor tensor) (fun checkpoint -> Expect.equal (List.ofSeq checkpoint.Entries[0].Shape) [ 2L; 3L ] "the shape")

        testCase "a file that is cut off anywhere is refused"
        <| fun () ->
            for length in 0 .. small.Length - 1 do
                let error = Expect.throwsC (fun () -> opened small[.. length - 1] ignore) id
                Expect.isTrue (error :? UserError) $"at {length}: {error}"

        refused "external data" (withTensor (Array.append (tensor "a" 1L [ 2L ] [||]) (number 14 1L))) [ "another file"; "external data" ]
        refused "external data by its place" (withTensor (Array.append (tensor "a" 1L [ 2L ] [||]) (bytes 13 (text 1 "location")))) [
            "external data"
        ]
        refused "a segment" (withTensor (Array.append (tensor "a" 1L [ 2L ] [||]) (bytes 3 (number 1 0L)))) [ "segments" ]
        refused
            "elements in two pieces"
            (withTensor (tensor "a" 1L [ 2L ] (Array.append (bytes 4 (floats [ 1f ])) (bytes 4 (floats [ 2f ])))))
            [ "several pieces" ]
        refused "a float on its own" (withTensor (tensor "a" 1L [ 1L ] (Array.append [| 0x25uy |] (BitConverter.GetBytes 1f)))) [
            "a has the shape [1] and 4 bytes"
        ]
        refused "fewer bytes than the shape says" (withTensor (single "a" [ 3L ] [ 1f; 2f ])) [ "a has the shape [3] and 8 bytes" ]
        refused "more bytes than the shape says" (withTensor (single "a" [ 1L ] [ 1f; 2f ])) [ "a has the shape [1] and 8 bytes" ]
        refused "no bytes at all" (withTensor (tensor "a" 1L [ 3L ] [||])) [ "a has the shape [3] and 0 bytes" ]
        refused "a shape that overflows" (withTensor (single "a" [ Int64.MaxValue; Int64.MaxValue; 4L ] [ 1f ])) [ "do not agree" ]
        refused "a negative length" (withTensor (single "a" [ -1L ] [])) [ "a has the shape [-1]" ]
        refused "too many dimensions" (withTensor (single "a" [ for _ in 1..65 -> 1L ] [ 1f ])) [ "more than 64 numbers" ]
        refused "texts" (withTensor (tensor "a" 8L [ 1L ] (bytes 6 "x"B))) [ "a has ONNX's type 8" ]
        refused "doubles among floats" (withTensor (tensor "a" 11L [ 1L ] (bytes 4 (floats [ 1f; 2f ])))) [ "Float64"; "field 4" ]
        refused "as many varints as elements" (withTensor (tensor "a" 7L [ 3L ] (packed 7 [ 1L; 2L ]))) [
            "a has the shape [3] and 2 elements"
        ]
        refused "a sparse tensor" (Array.concat [ number 1 3L; bytes 7 (bytes 15 [||]) ]) [ "sparse" ]
        refused "two tensors of a name" (model [] [ single "a" [ 1L ] [ 1f ]; single "a" [ 1L ] [ 2f ] ] [] []) [ "two tensors a" ]
        refused "an attribute twice" (model [ node "Conv" [ "x" ] "y" [ real "f" 1f; real "f" 2f ] ] [] [] []) [ "two attributes f" ]
        refused "NaN" (withTensor (single "a" [ 2L ] [ 1f; nanf ])) [ "a holds NaN at element 1" ]
        refused "a graph that is a number" (Array.concat [ number 1 3L; text 2 "test"; number 7 5L ]) [ "Varint"; "where ONNX has Bytes" ]
        refused "no graph" (Array.concat [ number 1 3L; text 2 "test" ]) [ "has no graph" ]
        refused "a name of megabytes" (withTensor (single (String('a', 1 <<< 20)) [ 1L ] [ 1f ])) [ "a name of 1048576 bytes" ]
        refused "a group" (Array.concat [ number 1 3L; text 2 "test"; [| 0x3buy; 0x3cuy |] ]) [ "no readable field" ]
        refused "a number without an end" (Array.concat [ number 1 3L; text 2 "test"; [| 0x28uy |]; Array.create 11 0xffuy ]) [
            "without an end"
        ]
    ]
