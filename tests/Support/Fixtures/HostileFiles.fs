/// Arrays, pictures and data sets of every shape, as files, for tests that must survive them.
module Reproduction.Tests.HostileFiles

open System
open System.IO
open System.Text
open TorchSharp
open Reproduction.Backbones
open Reproduction.Formats
open Reproduction.Imaging

let root = lazy (Directory.CreateTempSubdirectory("reproduction-shapes-").FullName)
let at (name: string) = Path.Combine(root.Value, name)

let write (name: string) (bytes: byte[]) =
    Directory.CreateDirectory(nonNull (Path.GetDirectoryName(at name))) |> ignore
    File.WriteAllBytes(at name, bytes)

/// A `.npy` file whose header says what it is told to.
let npy name (descriptor: string) (order: string) (shape: string) (data: byte[]) =
    let header = $"{{'descr': '{descriptor}', 'fortran_order': {order}, 'shape': ({shape}), }}"
    let padded = (10 + header.Length + 1 + 63) / 64 * 64 - 10

    write
        name
        (Array.concat [
            [| 0x93uy |]
            "NUMPY"B
            [| 1uy; 0uy; byte padded; byte (padded >>> 8) |]
            Encoding.ASCII.GetBytes(header.PadRight(padded - 1) + "\n")
            data
        ])

let floats (values: float32[]) = values |> Array.collect BitConverter.GetBytes

/// Smooth values in the range of a preprocessed picture.
let smooth count = Array.init count (fun i -> sin (float32 i * 0.37f))

let array name (shape: int list) (values: float32[]) = Npy.Write<float32>(at name, ReadOnlySpan values, ReadOnlySpan(List.toArray shape))

let private image width height = Image(width, height, 3, Array.init (width * height * 3) (fun i -> byte (i * 37 % 251)))

let picture (name: string) (content: Image) =
    Directory.CreateDirectory(nonNull (Path.GetDirectoryName(at name))) |> ignore
    ImageFile.Write(at name, content)

/// The sizes that a category mixes: one pixel, lines, pictures below any network's least size, thinner than 1:1024.
let sizes = [ 1, 1; 1, 700; 16000, 1; 3, 5; 64, 64; 40, 90 ]

let prepare =
    lazy
        (for architecture in [ "vgg19_16x"; "resnet18" ] do
            use _scope = torch.NewDisposeScope()
            use backbone = Backbone.Random(architecture, 7)
            Directory.CreateDirectory(at "weights") |> ignore
            SafeTensors.Write(at $"weights/{architecture}.safetensors", backbone.StateDict false)

         let same, shape = smooth (3 * 40 * 36), "1, 3, 40, 36"
         array "x.npy" [ 1; 3; 40; 36 ] same
         npy "double.npy" "<f8" "False" shape (same |> Array.collect (float >> BitConverter.GetBytes))
         npy "big.npy" ">f4" "False" shape (same |> Array.collect (BitConverter.GetBytes >> Array.rev))
         npy "bytes.npy" "|u1" "False" shape (Array.map (fun value -> byte (128f + 100f * value)) same)

         npy
             "fortran.npy"
             "<f4"
             "True"
             shape
             (floats [|
                 for x in 0..35 do
                     for y in 0..39 do
                         for c in 0..2 -> same[(c * 40 + y) * 36 + x]
             |])

         npy "claims.npy" "<f4" "False" "1, 3, 18919, 18919" (floats same)
         npy "claims-more.npy" "<f4" "False" "4294967296, 3, 1, 1" (floats same)
         npy "negative.npy" "<f4" "False" "1, 3, -1, 4" (floats same)

         for name, shape in
             [
                 "1x1", [ 1; 3; 1; 1 ]
                 "3x3", [ 1; 3; 3; 3 ]
                 "1x600", [ 1; 3; 1; 600 ]
                 "7x5", [ 2; 3; 7; 5 ]
                 "none", [ 0; 3; 8; 8 ]
                 "no-rows", [ 1; 3; 0; 8 ]
                 "grey", [ 1; 1; 8; 8 ]
                 "rank3", [ 3; 8; 8 ]
                 "rank5", [ 1; 3; 8; 8; 1 ]
                 "rank0", []
             ] do
             array $"{name}.npy" shape (smooth (List.fold (*) 1 shape))

         for name, value in [ "nan", nanf; "infinite", infinityf; "huge", 3e38f ] do
             array $"{name}.npy" [ 1; 3; 40; 36 ] (Array.mapi (fun i v -> if i % 7 = 3 then value else v) same)

         for name, shape in [ "m", [ 2; 8; 8 ]; "m1", [ 2; 1; 1 ]; "m-empty", [ 0; 8; 8 ]; "m-flat", [ 2; 0; 8 ]; "m4", [ 2; 1; 8; 8 ] ] do
             let count = List.fold (*) 1 shape
             array $"{name}.npy" shape (smooth count)

             Npy.Write<byte>(
                 at $"{name}-masks.npy",
                 ReadOnlySpan(Array.init count (fun i -> if i % 5 = 0 then 1uy else 0uy)),
                 ReadOnlySpan(List.toArray shape)
             )

         array "m-nan.npy" [ 2; 8; 8 ] (Array.mapi (fun i v -> if i = 9 then nanf else v) (smooth 128))
         Npy.Write<byte>(at "no-regions.npy", ReadOnlySpan(Array.zeroCreate<byte> 128), ReadOnlySpan [| 2; 8; 8 |])
         Npy.Write<byte>(at "all-regions.npy", ReadOnlySpan(Array.create 128 1uy), ReadOnlySpan [| 2; 8; 8 |])

         // Pictures of all sizes, masks of other sizes and channels than their pictures.
         for i, (width, height) in List.indexed sizes do
             picture $"data/thin/train/good/{i}.png" (image width height)
             picture $"data/thin/test/good/{i}.png" (image width height)
             picture $"data/thin/test/hole/{i}.png" (image height width)

             picture
                 $"data/thin/ground_truth/hole/{i}_mask.png"
                 (Image(
                     9,
                     7,
                     (if i % 2 = 0 then 1 else 3),
                     Array.init (9 * 7 * (if i % 2 = 0 then 1 else 3)) (fun j -> if j < 60 then 255uy else 0uy)
                 ))

             picture $"lines/{i}.png" (image width height)

         for count in 1..3 do
             for i in 1..count do
                 picture $"few/of{count}/train/good/{i}.png" (image 64 (60 + i))

             for i in 1..2 do
                 picture $"few/of{count}/test/good/{i}.png" (image 64 64)
                 picture $"few/of{count}/test/hole/{i}.png" (image 50 64)

                 picture
                     $"few/of{count}/ground_truth/hole/{i}_mask.png"
                     (Image(50, 64, 1, Array.init 3200 (fun j -> if j < 90 then 255uy else 0uy)))

             for i in 1..2 do
                 picture $"held/{i}.png" (image 64 64))
