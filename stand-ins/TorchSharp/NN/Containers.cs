using System.Collections;

namespace TorchSharp
{
    namespace Modules
    {
        /// <summary>Modules that run one after the other; what one returns is disposed when the next has used it.</summary>
        public class Sequential : torch.nn.Module<torch.Tensor, torch.Tensor>
        {
            private readonly List<torch.nn.IModule<torch.Tensor, torch.Tensor>> sequence = [];

            protected internal Sequential(params torch.nn.Module<torch.Tensor, torch.Tensor>[] modules) : base(nameof(Sequential))
            {
                foreach (var module in modules) append(module);
            }

            protected internal Sequential(params (string name, torch.nn.Module<torch.Tensor, torch.Tensor> submodule)[] modules) : base(nameof(Sequential))
            {
                foreach (var (name, module) in modules) append(name, module);
            }

            public int Count => sequence.Count;

            [System.Runtime.CompilerServices.IndexerName("SequentialItems")]
            public torch.nn.IModule<torch.Tensor, torch.Tensor> this[int index] => sequence[index];

            /// <summary>Adds a module under its position.</summary>
            public Sequential append(torch.nn.IModule<torch.Tensor, torch.Tensor> module) => append(Count.ToString(), module);

            public Sequential append(string name, torch.nn.IModule<torch.Tensor, torch.Tensor> module)
            {
                register_module(name, (torch.nn.Module)module);
                sequence.Add(module);
                return this;
            }

            public override torch.Tensor forward(torch.Tensor tensor)
            {
                if (sequence.Count == 0) return tensor.alias();
                var result = sequence[0].call(tensor);
                foreach (var module in sequence.Skip(1))
                {
                    using var input = result;
                    result = module.call(input);
                }
                return result;
            }
        }

        /// <summary>Modules by position, which run as the owner pleases.</summary>
        public class ModuleList<T>(params T[] modules) : torch.nn.Module(nameof(ModuleList<T>)), IList<T> where T : torch.nn.Module
        {
            private readonly List<T> list = [.. modules];
            private bool registered;

            public int Count => list.Count;

            public bool IsReadOnly => false;

            public T this[int index]
            {
                get => list[index];
                set => list[index] = value;
            }

            protected override void RegisterComponents()
            {
                if (registered) return;
                for (var i = 0; i < list.Count; i++) register_module(i.ToString(), list[i]);
                registered = true;
            }

            public void Add(T item) => list.Add(item);

            public void append(params T[] parameters) => list.AddRange(parameters);

            public void extend(IEnumerable<T> modules) => list.AddRange(modules);

            public void Insert(int index, T item) => list.Insert(index, item);

            public bool Remove(T item) => list.Remove(item);

            public void RemoveAt(int index) => list.RemoveAt(index);

            public void Clear() => list.Clear();

            public bool Contains(T item) => list.Contains(item);

            public int IndexOf(T item) => list.IndexOf(item);

            public void CopyTo(T[] array, int arrayIndex) => list.CopyTo(array, arrayIndex);

            public IEnumerator<T> GetEnumerator() => list.GetEnumerator();

            IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
        }

        /// <summary>A module without parameters, buffers, or sub-modules that have any.</summary>
        public interface IParameterLessModule
        {
        }

        /// <inheritdoc cref="IParameterLessModule"/>
        public abstract class ParameterLessModule<T1, TResult> : torch.nn.Module<T1, TResult>, IParameterLessModule
        {
            protected ParameterLessModule(string name) : base(name)
            {
            }

            public override void register_buffer(string name, torch.Tensor tensor, bool persistent = true) =>
                throw new InvalidOperationException("Cannot register a buffer on a module that is declared 'parameter-less.'");

            public override void register_parameter(string name, Parameter param) =>
                throw new InvalidOperationException("Cannot register a parameter on a module that is declared 'parameter-less.'");

            public override void register_module(string name, torch.nn.Module submodule)
            {
                if (submodule is not IParameterLessModule)
                    throw new InvalidOperationException("Submodules of a parameter-less module must also be parameter-less.");
                base.register_module(name, submodule);
            }
        }
    }

    public static partial class torch
    {
        public static partial class nn
        {
            public static Modules.Sequential Sequential() => new(Array.Empty<Module<Tensor, Tensor>>());

            public static Modules.Sequential Sequential(params Module<Tensor, Tensor>[] modules) => new(modules);

            public static Modules.Sequential Sequential(params (string name, Module<Tensor, Tensor> submodule)[] modules) => new(modules);

            public static Modules.Sequential Sequential(IEnumerable<Module<Tensor, Tensor>> modules) => new(modules.ToArray());

            public static Modules.Sequential Sequential(IEnumerable<(string name, Module<Tensor, Tensor> submodule)> modules) => new(modules.ToArray());

            public static Modules.ModuleList<Module> ModuleList(params Module[] modules) => new(modules);

            public static Modules.ModuleList<T> ModuleList<T>(params T[] modules) where T : Module => new(modules);
        }
    }
}
