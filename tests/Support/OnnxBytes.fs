/// ONNX models byte by byte, in protobuf's wire format: sound ones, and any damage that a test wants.
module Reproduction.Tests.OnnxBytes

open System
open System.Text

let rec varint (value: uint64) = if value < 128UL then [| byte value |] else Array.append [| byte value ||| 128uy |] (varint (value >>> 7))

/// A field that is a whole number.
let number field (value: int64) = Array.append (varint (uint64 field <<< 3)) (varint (uint64 value))

/// A field that is a text, a message or a packed list.
let bytes field (content: byte[]) = Array.concat [ varint ((uint64 field <<< 3) ||| 2UL); varint (uint64 content.Length); content ]

let text field (content: string) = bytes field (Encoding.UTF8.GetBytes content)

let packed field (values: int64 list) = bytes field (Array.concat [ for value in values -> varint (uint64 value) ])

let floats (values: float32 list) = Array.concat [ for value in values -> BitConverter.GetBytes value ]

/// A tensor of ONNX's type `code`; its data are whole fields.
let tensor (name: string) (code: int64) (dimensions: int64 list) (data: byte[]) =
    Array.concat [ Array.concat [ for length in dimensions -> number 1 length ]; number 2 code; data; text 8 name ]

/// A float32 tensor with raw data.
let single name dimensions values = tensor name 1L dimensions (bytes 9 (floats values))

let integers (name: string) (values: int64 list) =
    bytes 5 (Array.append (text 1 name) (Array.concat [ for value in values -> number 8 value ]))

let real (name: string) (value: float32) = bytes 5 (Array.concat [ text 1 name; [| 0x15uy |]; BitConverter.GetBytes value ])
let word (name: string) (value: string) = bytes 5 (Array.append (text 1 name) (text 4 value))

let node (operation: string) inputs output (attributes: byte[] list) =
    Array.concat [ Array.concat [ for input in inputs -> text 1 input ]; text 2 output; text 4 operation; Array.concat attributes ]

/// A model whose graph is the last field.
let model nodes tensors inputs outputs =
    Array.concat [
        number 1 3L
        text 2 "test"
        bytes
            7
            (Array.concat [
                Array.concat [ for node in nodes -> bytes 1 node ]
                Array.concat [ for tensor in tensors -> bytes 5 tensor ]
                Array.concat [ for input in inputs -> bytes 11 (text 1 input) ]
                Array.concat [ for output in outputs -> bytes 12 (text 1 output) ]
            ])
    ]

/// A convolution and its batch norm, with a tensor in each of the ways to store one.
let small =
    let half (value: float32) = BitConverter.GetBytes(Half.op_Explicit value: Half)

    model
        [
            node "Conv" [ "x"; "w" ] "y" [ integers "kernel_shape" [ 1L; 1L ]; word "auto_pad" "NOTSET" ]
            node "BatchNormalization" [ "y"; "scale"; "shift"; "mean"; "variance" ] "z" [ real "epsilon" 1e-5f ]
        ]
        [
            single "w" [ 2L; 1L; 1L; 1L ] [ 1.5f; -2f ]
            tensor "scale" 1L [ 2L ] (bytes 4 (floats [ 0.5f; 4f ]))
            tensor "shift" 10L [ 2L ] (bytes 9 (Array.append (half 0.25f) (half -3f)))
            tensor "mean" 11L [ 2L ] (bytes 10 (Array.append (BitConverter.GetBytes 7.0) (BitConverter.GetBytes -0.125)))
            tensor "variance" 10L [ 2L ] (packed 5 [ 0x3c00L; 0xc000L ])
            tensor "shape" 7L [ 3L ] (packed 7 [ 1L; -1L; 300L ])
            tensor "empty" 1L [ 0L; 4L ] [||]
        ] [ "x"; "w" ] [ "z" ]
